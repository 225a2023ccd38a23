"""Which batch size and rate to use on a data set that was held out, and what that loses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from case_studies.batch_size.logged_grids.cells import Cells
from case_studies.batch_size.logged_grids.effects import PROTOCOLS, seed_outcomes, t_interval
from causalhyper import fit, policy
from causalhyper.arrays import Array, Codes

DRAWS = 100
"""The recommendation itself does not depend on them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A way of choosing, tried on one data set.

    Attributes
    ----------
    name : str
    batch, rate : ndarray of int, shape (seeds,)
        Places of what is used when a seed judges: chosen without that seed, and without the data
        set altogether unless `search` says otherwise.
    search : float
        Seconds of the runs made on the data set in order to choose.
    """

    name: str
    batch: Codes
    rate: Codes
    search: float


def judge_policies(cells: Cells) -> pd.DataFrame:
    """Leave each data set out in turn, choose by every rule, and judge by its logged runs.

    Parameters
    ----------
    cells : Cells
        Of at least four data sets.

    Returns
    -------
    pandas.DataFrame
        One row a data set and rule: batch_size and learning_rate (of the last judging seed),
        regret (outcome lost against the best cell of the data set) with its 95% t interval over
        seeds, seconds (of one run), search (seconds of the runs made to choose), and times (both,
        over the seconds of one run at the first default).
    """
    rows = []
    for d, name in enumerate(cells.datasets):
        signed = cells.outcome[d] if cells.benchmark.maximise else -cells.outcome[d]
        best = signed.reshape(-1, signed.shape[-1])[signed.mean(axis=-1).argmax()]
        rules = [*_learned(cells, d), *_usual(cells), *_searched(cells, d)]
        usual = next(r for r in rules if r.name == cells.benchmark.usual[0][0])
        unit = _seconds(cells, d, usual)
        seeds = np.arange(signed.shape[-1])
        for rule in rules:
            mean, half = t_interval(best - signed[rule.batch, rule.rate, seeds])
            seconds = _seconds(cells, d, rule)
            rows.append(
                {
                    "dataset": name,
                    "rule": rule.name,
                    "batch_size": cells.batch[rule.batch[-1]],
                    "learning_rate": cells.rate[rule.rate[-1]],
                    "regret": mean,
                    "lower": mean - half,
                    "upper": mean + half,
                    "seconds": seconds,
                    "search": rule.search,
                    "times": (seconds + rule.search) / unit,
                }
            )
    return pd.DataFrame(rows)


def _seconds(cells: Cells, dataset: int, rule: Rule) -> float:
    return float(cells.seconds[dataset][rule.batch, rule.rate].mean())


def _learned(cells: Cells, held: int) -> list[Rule]:
    """The policy of the other data sets, without and with a price, and the best fixed choice."""
    rest = np.arange(len(cells.datasets)) != held
    others = replace(
        cells,
        datasets=tuple(np.array(cells.datasets)[rest]),
        outcome=cells.outcome[rest],
        seconds=cells.seconds[rest],
    )
    rules = []
    for name, price in (("policy", 0.0), ("policy, time priced", cells.benchmark.price)):
        batch, rate = [], []
        for seed in range(cells.outcome.shape[-1]):
            chosen = _recommend(replace(others, outcome=_without(others.outcome, seed)), price)
            batch.append(chosen[0])
            rate.append(chosen[1])
        rules.append(Rule(name, np.array(batch), np.array(rate), 0.0))
    means = np.stack([_without(cells.outcome, s).mean(axis=(0, -1)) for s in _seeds(cells)])
    fixed = (means if cells.benchmark.maximise else -means).reshape(len(means), -1).argmax(axis=1)
    batch, rate = np.unravel_index(fixed, cells.outcome.shape[1:3])
    return [*rules, Rule("best fixed pair in hindsight", batch, rate, 0.0)]


def _seeds(cells: Cells) -> range:
    return range(cells.outcome.shape[-1])


def _without(outcome: Array, seed: int) -> Array:
    return np.delete(outcome, seed, axis=-1)


def _recommend(cells: Cells, price: float) -> tuple[int, int]:
    """Ask the project's policy for a batch size; its rate is the best there on average."""
    rates = (cells.outcome if cells.benchmark.maximise else -cells.outcome).mean(axis=-1)
    frame = _tuned_runs(cells, rates.argmax(axis=2))
    model = fit(
        "B -> G",
        frame,
        {"B": "log2(batch_size)", "G": "outcome"},
        protocol=f"{cells.benchmark.protocol}; {PROTOCOLS[1]}",
        cluster="dataset",
        context="dataset",
    )
    found = policy(
        model,
        "B",
        "G",
        at=cells.batch.tolist(),
        cost={"doublings": price} if price else None,
        runs=frame if price else None,
        maximise=cells.benchmark.maximise,
        estimator="design",
        draws=DRAWS,
        interval="t",
    )
    batch = int(np.searchsorted(cells.batch, found.recommended))
    return batch, int(rates.mean(axis=0)[batch].argmax())


def _tuned_runs(cells: Cells, rates: Codes) -> pd.DataFrame:
    """One row a data set and batch size: outcome at its tuned rate, time as a logarithm."""
    outcome = seed_outcomes(cells, PROTOCOLS[1]).mean(axis=-1)
    seconds = np.take_along_axis(cells.seconds, rates[:, :, None], axis=2)
    datasets, batches = outcome.shape
    return pd.DataFrame(
        {
            "run_id": np.arange(outcome.size),
            "dataset": np.repeat(cells.datasets, batches),
            "batch_size": np.tile(cells.batch, datasets),
            "outcome": outcome.ravel(),
            "doublings": np.log2(seconds.ravel()),
        }
    )


def _usual(cells: Cells) -> list[Rule]:
    """What libraries use by default."""
    seeds = len(_seeds(cells))
    rules = []
    for name, *values in cells.benchmark.usual:
        batch, rate = (
            np.full(seeds, np.abs(np.log(axis / value)).argmin())
            for axis, value in zip((cells.batch, cells.rate), values, strict=True)
        )
        rules.append(Rule(name, batch, rate, 0.0))
    return rules


def _searched(cells: Cells, held: int) -> list[Rule]:
    """Grid searches on the held-out data set by another seed: over rates alone, over both.

    The seed that chooses is the next one; its runs are what the search costs.
    """
    signed = cells.outcome[held] if cells.benchmark.maximise else -cells.outcome[held]
    choosing = np.roll(signed, -1, axis=-1)
    usual = _usual(cells)[0]
    rates = choosing[usual.batch[0]].argmax(axis=0)
    batch, rate = np.unravel_index(
        choosing.reshape(-1, choosing.shape[-1]).argmax(axis=0), signed.shape[:2]
    )
    return [
        Rule(
            "grid search of rates at the default batch size",
            usual.batch,
            rates,
            float(cells.seconds[held, usual.batch[0]].sum()),
        ),
        Rule("grid search of both", batch, rate, float(cells.seconds[held].sum())),
    ]


def average_policies(judged: pd.DataFrame) -> pd.DataFrame:
    """Mean regret and cost over data sets, the data sets being what is drawn.

    Parameters
    ----------
    judged : pandas.DataFrame
        As `judge_policies` returns it.

    Returns
    -------
    pandas.DataFrame
        One row a rule: regret with its 95% t interval over data sets, worst (largest regret),
        run (geometric mean of the seconds of a run over those at the first default), times (the
        same with the search).
    """
    rows = []
    unit = judged.assign(run=judged["seconds"] / (judged["seconds"] + judged["search"]))
    unit["run"] *= unit["times"]
    for name, part in unit.groupby("rule", sort=False):
        mean, half = t_interval(part["regret"].to_numpy())
        rows.append(
            {
                "rule": name,
                "regret": mean,
                "lower": mean - half,
                "upper": mean + half,
                "worst": part["regret"].max(),
                "run": np.exp(np.log(part["run"]).mean()),
                "times": np.exp(np.log(part["times"]).mean()),
            }
        )
    return pd.DataFrame(rows)
