"""How often 95% intervals hold the truth, for every estimand: JSON and a Markdown table.

    OMP_NUM_THREADS=1 python -m benchmarks.coverage --clusters 24 --sets 1000 --workers 2 \
        --out benchmarks/results/coverage.json

Data set i of seed s draws from a stream of its own, whatever the number of workers. With --out the
sizes measured before are kept, and the table shows them all.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.coverage_questions import (
    CHAIN_TRUTH,
    TWO_WAYS_TRUTH,
    Answer,
    ask_main,
    ask_rest,
    ask_two_ways,
    fitted,
    simulate,
)
from tests.simulated import CHAIN

OTHERS = ("bootstrap", "percentile", "bca")
DEFAULT = "t"
SAVED_EVERY = 50

Answers = dict[str, list[Answer]]
Row = dict[str, float | None]
Rows = dict[str, Row]
Run = dict[str, object]


def answer(
    stream: np.random.SeedSequence, *, clusters: int, draws: int, kinds: Sequence[str]
) -> Answers:
    """All answers from one simulated experiment a true model, by kind of interval."""
    rng = np.random.default_rng(stream)
    runs = simulate(CHAIN_TRUTH, clusters, rng)
    two_ways, _ = simulate(TWO_WAYS_TRUTH, clusters, rng)
    options = {"draws": draws, "seed": int(rng.integers(2**31))}
    model = fitted(CHAIN, runs[0])
    found = {DEFAULT: list(ask_main(model, runs, options))}
    found[DEFAULT] += [
        *ask_rest(model, runs[0], options),
        *ask_two_ways(two_ways, options),
    ]
    for kind in kinds:
        found[kind] = list(ask_main(model, runs, options | {"interval": kind}))
    return found


def summarise(answers: Sequence[Answers]) -> dict[str, Rows]:
    """Coverage and what explains it, by kind of interval and estimand.

    `bias` is in standard deviations of the estimate; `se_ratio` is the mean standard error over
    that standard deviation; `below` and `above` say on which side of the interval the truth lay.
    """
    return {kind: _rows([found[kind] for found in answers]) for kind in answers[0]}


def _rows(found: Sequence[list[Answer]]) -> Rows:
    by_name = [{a.name: astuple(a)[1:] for a in one} for one in found]
    names = list(by_name[0])
    table = np.array([[one[name] for name in names] for one in by_name], dtype=float)
    return {name: _row(*table[:, i].T) for i, name in enumerate(names)}


def _row(error: np.ndarray, se: np.ndarray, width: np.ndarray, *missed: np.ndarray) -> Row:
    n, (below, above) = len(error), (float(x.mean()) for x in missed)
    covered = float(1 - np.logical_or(*missed).mean())
    sd = float(error.std(ddof=1)) if n > 1 else np.nan
    row = {
        "coverage": covered,
        "mc_error": (covered * (1 - covered) / n) ** 0.5,
        "below": below,
        "above": above,
        "bias": float(error.mean()) / sd if sd > 0 else np.nan,
        "se_ratio": float(se.mean()) / sd if sd > 0 else np.nan,
        "width": float(width.mean()),
    }
    return {k: round(x, 4) if np.isfinite(x) else None for k, x in row.items()}


def measure(
    clusters: int,
    sets: int,
    *,
    draws: int = 199,
    seed: int = 0,
    workers: int = 1,
    kinds: Sequence[str] = (),
    out: Path | None = None,
) -> Run:
    """Simulate data sets and count; what is there is saved as it comes."""
    began, done = time.perf_counter(), []
    streams = np.random.SeedSequence([seed, clusters]).spawn(sets)
    work = partial(answer, clusters=clusters, draws=draws, kinds=kinds)

    def summary() -> Run:
        asked = {"clusters": clusters, "sets": len(done), "draws": draws, "seed": seed}
        spent = round(time.perf_counter() - began, 1)
        return asked | {"seconds": spent, "estimands": summarise(done)}

    if workers == 1:
        done += map(work, streams)
        return summary()
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for found in pool.imap(work, streams):
            done.append(found)
            if out is not None and len(done) % SAVED_EVERY == 0:
                save(out, summary())
    return summary()


def save(path: Path, run: Run) -> list[Run]:
    """Put a run into the file, in place of what it held for that number of clusters."""
    held = json.loads(path.read_text()) if path.exists() else []
    kept = [r for r in held if r["clusters"] != run["clusters"]]
    runs = sorted([*kept, run], key=lambda r: r["clusters"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_dump(runs))
    return runs


def _dump(runs: Sequence[Run]) -> str:
    """JSON with one estimand a line, so that changes can be read."""
    text = json.dumps(runs, indent=1)
    return text.replace("\n     ", " ").replace("\n    }", " }") + "\n"


def by_clusters(runs: Sequence[Run]) -> dict[str, Rows]:
    """Rows of the default interval at each number of clusters."""
    return {str(r["clusters"]): r["estimands"][DEFAULT] for r in runs}


def by_kind(run: Run) -> dict[str, Rows]:
    """Rows of each kind of interval, of the estimands that all were measured for."""
    found = run["estimands"]
    shared = set.intersection(*(set(rows) for rows in found.values()))
    return {k: {n: row for n, row in rows.items() if n in shared} for k, rows in found.items()}


def to_markdown(columns: Mapping[str, Rows]) -> str:
    """One row an estimand; coverage in percent, with its Monte Carlo error, in each column."""
    names = sorted({name for rows in columns.values() for name in rows})
    lines = [f"| estimand | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for name in names:
        cells = [_cell(rows.get(name)) for rows in columns.values()]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: Row | None) -> str:
    return "" if row is None else f"{100 * row['coverage']:.1f} ± {100 * row['mc_error']:.1f}"


def main() -> None:
    """Measure one size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=24)
    parser.add_argument("--sets", type=int, default=100)
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kinds", nargs="*", choices=OTHERS, default=[])
    parser.add_argument("--out", type=Path)
    o = parser.parse_args()
    asked = {"draws": o.draws, "seed": o.seed, "workers": o.workers, "kinds": o.kinds}
    run = measure(o.clusters, o.sets, **asked, out=o.out)
    runs = [run] if o.out is None else save(o.out, run)
    print(_dump([run]))
    print(to_markdown(by_clusters(runs)))
    if o.kinds:
        print(to_markdown(by_kind(run)))


if __name__ == "__main__":
    main()
