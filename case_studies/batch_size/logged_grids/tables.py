"""The page's tables: numbers as texts, and Markdown."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from case_studies.batch_size.logged_grids.benchmarks import BENCHMARKS, Benchmark
from case_studies.batch_size.logged_grids.effects import PROTOCOLS
from case_studies.batch_size.logged_grids.study import NOISE

Answers = Mapping[str, pd.DataFrame]


def page_tables(answers: Answers) -> dict[str, pd.DataFrame]:
    """Tables of texts by name.

    Parameters
    ----------
    answers : mapping of str to DataFrame
        As `study.answer` returns them.

    Returns
    -------
    dict of str to DataFrame
    """
    tables = {}
    for name, benchmark in BENCHMARKS.items():
        own = {k: v[v["benchmark"] == name] for k, v in answers.items()}
        tables[f"{name}: effects over data sets"] = _over_datasets(own, benchmark)
        tables[f"{name}: effects by data set"] = _by_dataset(own, benchmark)
        tables[f"{name}: effects by learning rate"] = _by_rate(own, benchmark)
        tables[f"{name}: the surface"] = _surfaces(own)
        tables[f"{name}: all hyper-parameters"] = _shares(own)
        tables[f"{name}: sweeps"] = _sweeps(own, benchmark)
        tables[f"{name}: policies"] = _policies(own, benchmark)
    return tables


def to_markdown(table: pd.DataFrame) -> str:
    """A table of texts as Markdown.

    Parameters
    ----------
    table : pandas.DataFrame

    Returns
    -------
    str

    Examples
    --------
    >>> print(to_markdown(pd.DataFrame({"a": ["1"], "b": ["2"]})))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [list(table.columns), *table.to_numpy().tolist()]
    text = [f"| {' | '.join(map(str, line))} |" for line in lines]
    return "\n".join([text[0], "|" + "---|" * table.shape[1], *text[1:]])


def _unit(benchmark: Benchmark) -> tuple[float, int]:
    """Factor and decimals: a score in points, a logarithm as it is."""
    return (1.0, 3) if benchmark.log else (100.0, 1)


def _number(value: float, benchmark: Benchmark, *, sign: bool = True, more: int = 0) -> str:
    factor, digits = _unit(benchmark)
    text = f"{factor * value:{'+' if sign else ''}.{digits + more}f}"
    return text.replace("-", "−")


def _interval(
    row: Mapping[str, float], benchmark: Benchmark, name: str = "estimate", *, more: int = 0
) -> str:
    estimate, low, high = (_number(row[c], benchmark, more=more) for c in (name, "lower", "upper"))
    return f"{estimate} [{low}, {high}]"


def _p(value: float) -> str:
    return f"{value:.3f}".lstrip("0")


def _over_datasets(own: Answers, benchmark: Benchmark) -> pd.DataFrame:
    """One row a batch size, one pair of columns a protocol."""
    effects = own["effects"]
    mean = effects[effects["dataset"] == ""]
    columns: dict[str, list[str]] = {}
    for protocol in PROTOCOLS:
        part = mean[mean["protocol"] == protocol].to_dict("records")
        columns["batch size"] = [f"{r['value']:g}" for r in part]
        columns[protocol] = [_interval(r, benchmark) for r in part]
        columns[f"p ({protocol.split()[0]})"] = [_p(r["wild_p"]) for r in part]
    return pd.DataFrame(columns)


def _by_dataset(own: Answers, benchmark: Benchmark) -> pd.DataFrame:
    """Smallest against largest, one row a data set."""
    effects = own["effects"]
    smallest = effects["value"].min()
    extreme = effects[(effects["dataset"] != "") & (effects["value"] == smallest)]
    columns: dict[str, list[str]] = {}
    for protocol in PROTOCOLS:
        part = extreme[extreme["protocol"] == protocol].to_dict("records")
        columns["data set"] = [str(r["dataset"]) for r in part]
        columns[protocol] = [_interval(r, benchmark, more=not benchmark.log) for r in part]
    if len(own["departures"]):
        found = own["departures"].to_dict("records")
        columns["departure from a cubic"] = [
            _number(r["departure"], benchmark, sign=False, more=1) for r in found
        ]
        columns["error over seeds"] = [
            _number(r["seed_error"], benchmark, sign=False, more=1) for r in found
        ]
    return pd.DataFrame(columns)


def _by_rate(own: Answers, benchmark: Benchmark) -> pd.DataFrame:
    rows = own["rate_effects"].to_dict("records")
    return pd.DataFrame(
        {
            "learning rate": [f"{r['learning_rate']:.2g}" for r in rows],
            "effect": [_interval(r, benchmark) for r in rows],
        }
    )


def _surfaces(own: Answers) -> pd.DataFrame:
    """Shares in per cent; the exponent with its interval."""
    rows = own["surfaces"].to_dict("records")
    shares = {
        "batch size": "batch",
        "learning rate": "rate",
        "pure interaction": "interaction",
        "f(r)": "index 0",
        "f(r/√B)": "index 0.5",
        "f(r/B)": "index 1",
        "f(r/Bᵃ)": "index best",
    }
    columns = {"data set": [r["dataset"] for r in rows]}
    columns |= {k: [f"{100 * r[c]:.1f}" for r in rows] for k, c in shares.items()}
    columns["a"] = [
        f"{r['exponent']:.2f} [{r['exponent_lower']:.2f}, {r['exponent_upper']:.2f}]" for r in rows
    ]
    return pd.DataFrame(columns)


def _shares(own: Answers) -> pd.DataFrame:
    """Per cent of the variance over all configurations: what batch size has a part in."""
    found = own["shares"].pivot(index="dataset", columns="term", values="share") * 100
    pairs = [c for c in found if " x " in c]
    with_batch = [c for c in pairs if c.startswith("batch_size x ")]
    with_rate = "batch_size x learning_rate"
    rest = [
        c for c in found if c not in {"batch_size", "learning_rate", "rest", NOISE, *with_batch}
    ]
    sums = {
        "batch size": found["batch_size"],
        "batch size × rate": found[with_rate],
        "batch size × others": found[[c for c in with_batch if c != with_rate]].sum(axis=1),
        "learning rate": found["learning_rate"],
        "others and their pairs": found[rest].sum(axis=1),
        "three or more": found["rest"],
        "of it noise of seeds": found[NOISE],
    }
    texts = {k: [f"{v:.1f}" for v in column] for k, column in sums.items()}
    return pd.DataFrame({"data set": list(found.index), **texts})


def _sweeps(own: Answers, benchmark: Benchmark) -> pd.DataFrame:
    rows = own["sweeps"].to_dict("records")
    return pd.DataFrame(
        {
            "logger": [r["logger"] for r in rows],
            "runs": [f"{r['n']:g}" for r in rows],
            "estimator": [r["estimator"] for r in rows],
            "bias ± 2 se": [
                f"{_number(r['bias'], benchmark)} ± "
                f"{_number(2 * r['bias_se'], benchmark, sign=False)}"
                for r in rows
            ],
            "error (rms)": [_number(r["rmse"], benchmark, sign=False) for r in rows],
            "width": [_number(r["width"], benchmark, sign=False) for r in rows],
            "coverage, %": [
                f"{100 * r['coverage']:.1f} [{100 * r['coverage_lower']:.1f}, "
                f"{100 * r['coverage_upper']:.1f}]"
                for r in rows
            ],
        }
    )


def _policies(own: Answers, benchmark: Benchmark) -> pd.DataFrame:
    rows = own["average_policies"].to_dict("records")
    return pd.DataFrame(
        {
            "rule": [r["rule"] for r in rows],
            "regret": [_interval(r, benchmark, "regret", more=not benchmark.log) for r in rows],
            "worst data set": [
                _number(r["worst"], benchmark, sign=False, more=not benchmark.log) for r in rows
            ],
            "one run": [f"{r['run']:.2f}" for r in rows],
            "with the search": [f"{r['times']:.2f}" for r in rows],
        }
    )
