"""Memory that a fit and its effect curve take, in units of the frame's own.

    OMP_NUM_THREADS=1 python benchmarks/memory.py [--rows 100020 1000000]

Each number of rows has a process of its own. What is printed is the peak of its resident memory
once fit and effect curve are done, frame included, less what it held after the imports, over the
memory of the frame.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys

CLUSTERS = 100


def measure(rows: int) -> None:
    """Print megabytes: imports, frame, peak of fit, peak of all."""
    import numpy as np
    import pandas as pd

    import causalhyper as ch

    # what is imported when first needed belongs to the imports
    _answer(ch, _make_runs(pd, np, 6 * CLUSTERS))
    imports = _peak()
    runs = _make_runs(pd, np, rows)
    frame = runs.memory_usage(index=True, deep=True).sum() / 2**20
    made = _peak()
    _answer(ch, runs)
    print(f"{imports:.1f} {frame:.1f} {made:.1f} {_peak():.1f}")


def _make_runs(pd, np, rows: int):
    """Complete blocks of six doses in clusters of equal size, from an interaction model."""
    rng = np.random.default_rng(0)
    runs = pd.DataFrame(np.empty((rows, 5)), columns=list("BNSCG"))
    runs["B"] = np.tile(np.arange(4.0, 10.0), rows // 6)
    runs["N"] = -0.8 * runs["B"] + rng.normal(size=rows)
    runs["S"] = 0.5 * runs["N"] + rng.normal(size=rows)
    runs["C"] = 0.2 * runs["N"] + 0.4 * runs["S"] + rng.normal(size=rows)
    runs["C"] += 0.3 * runs["N"] * runs["S"]
    runs["G"] = -0.7 * runs["C"] + rng.normal(size=rows)
    runs["seed"] = np.arange(rows) // (rows // CLUSTERS)
    runs["run_id"] = np.arange(rows)
    return runs


def _answer(ch, runs) -> None:
    graph = "B -> N; N -> S; {N, S} -> C; C -> G"
    roles = {v: v for v in "BNSCG"}
    model = ch.fit(graph, runs, roles, protocol="p", cluster="seed", mechanisms=ch.LINEAR)
    ch.effect_curve(model, "B", "G", at=[4, 5, 6, 7, 8], baseline=9)


def _peak() -> float:
    """Megabytes; getrusage counts kilobytes on Linux, bytes on macOS."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def main() -> None:
    """Measure each size in a fresh process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[102_000, 1_020_000])
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return
    for rows in options.rows:
        call = [sys.executable, __file__, "--measure", str(rows)]
        found = subprocess.run(call, capture_output=True, text=True, check=True).stdout
        imports, frame, made, peak = map(float, found.split())
        print(
            f"{rows} rows: frame {frame:.1f} MB, imports {imports:.0f} MB, "
            f"{(made - imports) / frame:.1f} frames once it is made, "
            f"{(peak - imports) / frame:.1f} frames at the peak"
        )


if __name__ == "__main__":
    main()
