"""The shape of mean outcomes over batch size and learning rate, data set by data set."""

from __future__ import annotations

import numpy as np
import pandas as pd

from case_studies.batch_size.logged_grids.cells import Cells
from case_studies.batch_size.logged_grids.effects import (
    PROTOCOLS,
    seed_outcomes,
    t_interval,
    tuned_places,
)
from case_studies.batch_size.logged_grids.variance import (
    best_exponents,
    index_share,
    split_variance,
)

EXPONENTS = (0.0, 0.5, 1.0)
"""The rate alone, square-root scaling, linear scaling."""


def describe_surfaces(cells: Cells) -> pd.DataFrame:
    """Where the variance over batch size and learning rate lies, data set by data set.

    Parameters
    ----------
    cells : Cells

    Returns
    -------
    pandas.DataFrame
        One row a data set: shares of batch size, learning rate and their interaction (they sum
        to 1), shares explained by a smooth function of rate / batch ** a for each a of
        `EXPONENTS`, the exponent that explains most with its 95% t interval over seeds, and the
        share that this one explains.
    """
    rows = []
    for name, outcome in zip(cells.datasets, cells.outcome, strict=True):
        surface = outcome.mean(axis=-1)
        parts = split_variance(surface, ("batch", "rate"), 2)
        total = sum(parts.values())
        grid = cells.batch, cells.rate
        best = float(best_exponents(surface[None], *grid)[0])
        mean, half = t_interval(best_exponents(np.moveaxis(outcome, -1, 0), *grid))
        rows.append(
            {
                "dataset": name,
                "batch": parts[("batch",)] / total,
                "rate": parts[("rate",)] / total,
                "interaction": parts[("batch", "rate")] / total,
                **{f"index {a:g}": index_share(surface, *grid, a) for a in EXPONENTS},
                "exponent": mean,
                "exponent_lower": mean - half,
                "exponent_upper": mean + half,
                "index best": index_share(surface, *grid, best),
            }
        )
    return pd.DataFrame(rows)


def list_tuned_rates(cells: Cells) -> pd.DataFrame:
    """The best learning rate of each batch size on all seeds.

    Parameters
    ----------
    cells : Cells

    Returns
    -------
    pandas.DataFrame
        One row a data set and batch size: learning_rate, edge (whether it is the smallest or
        largest of the grid), agreed (whether all seeds left in turn choose it), outcome.
    """
    signed = cells.outcome if cells.benchmark.maximise else -cells.outcome
    best = signed.mean(axis=-1).argmax(axis=2)
    agreed = (tuned_places(cells) == best[..., None]).all(axis=-1)
    outcome = seed_outcomes(cells, PROTOCOLS[1]).mean(axis=-1)
    index = pd.MultiIndex.from_product([cells.datasets, cells.batch], names=["dataset", "batch"])
    return index.to_frame(index=False).assign(
        learning_rate=cells.rate[best].ravel(),
        edge=np.isin(best, (0, len(cells.rate) - 1)).ravel(),
        agreed=agreed.ravel(),
        outcome=outcome.ravel(),
    )


def departures(cells: Cells, degree: int = 3) -> pd.DataFrame:
    """How far each data set's curve is from a smooth one, beside the error over seeds.

    What was shared by all runs of one batch size on one data set, such as one job of the logger,
    shows in all seeds alike: seeds do not tell it from an effect, smoothness does.

    Parameters
    ----------
    cells : Cells
        At least two batch sizes more than the degree.
    degree : int
        Of the polynomial in the logarithm of the batch size.

    Returns
    -------
    pandas.DataFrame
        One row a data set: departure (root mean square with the degrees of freedom that are
        left), seed_error (root mean square of the standard errors over seeds, the level of each
        seed taken out), worst (the batch size that departs most) and its residual.
    """
    x = np.log(cells.batch)
    basis = np.polynomial.legendre.legvander((x - x.mean()) / np.ptp(x), degree)
    rows = []
    for name, outcome in zip(cells.datasets, seed_outcomes(cells, PROTOCOLS[0]), strict=True):
        curve = outcome.mean(axis=-1)
        residual = curve - basis @ np.linalg.lstsq(basis, curve, rcond=None)[0]
        centred = outcome - outcome.mean(axis=0)
        error = centred.std(axis=-1, ddof=1) / np.sqrt(outcome.shape[-1])
        worst = int(np.abs(residual).argmax())
        rows.append(
            {
                "dataset": name,
                "departure": np.sqrt((residual**2).sum() / (len(x) - degree - 1)),
                "seed_error": np.sqrt((error**2).mean()),
                "worst": cells.batch[worst],
                "residual": residual[worst],
            }
        )
    return pd.DataFrame(rows)
