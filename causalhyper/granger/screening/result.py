"""A screening: statistics of every parameter alone, and what they keep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.masks.allocation import Scope, allocate
from causalhyper.granger.screening.kept import KeptEntries
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OF_RESPONSE = ("covariance", "slope", "correlation", "entry_lambda")
"""Statistics that are zero for a constant response."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerScreening:
    """Statistics of one layer.

    Attributes
    ----------
    name : str
    shape : tuple of int
        Of its entries: parameters, units or groups.
    statistics : mapping of str to ndarray, shape (p,)
        By name, entries in row-major order.
    flat : int
        Entries of which no feature varies over the steps.

    Raises
    ------
    DataError
        If a statistic is not finite.
    """

    name: str
    shape: tuple[int, ...]
    statistics: Mapping[str, Array]
    flat: int

    def __post_init__(self) -> None:
        for name, values in self.statistics.items():
            bad = np.flatnonzero(~np.isfinite(values))
            if len(bad):
                raise DataError(
                    f"{name} of layer {self.name!r} must be finite; entry {bad[0]} is "
                    f"{values[bad[0]]}: did training diverge? Leave those steps out"
                )


@dataclass(frozen=True, slots=True, eq=False)
class Screening(Shown):
    r"""Statistics of each entry alone: a parameter, a unit, or a group of features.

    With feature x (squared change of the parameter) and response y (change of the loss) over n
    pairs of steps:

    ``marginal``
        :math:`|\frac1n \sum x y|`, not centred; with weights :math:`|\sum w x y| / \sum w`. The
        published pruning by stochastic descent keeps where it is above L1_coeff. Of a group: the
        largest.
    ``covariance``, ``slope``, ``correlation``
        Centred, signed; divided by the variance of x, or by both standard deviations. Of a group
        the multiple correlation, and no covariance or slope.
    ``entry_lambda``
        :math:`|cov(x, y)| / sd(x)`: the lasso penalty at which the column would enter if it were
        the only one. Of a group: the largest of its columns.
    ``movement``
        :math:`\sum (\Delta\theta)^2`.
    ``fisher``
        :math:`\theta^2 \sum (\Delta\theta)^2`, where the final parameters were given: for plain
        gradient descent the diagonal of the empirical Fisher information, up to a factor.

    Attributes
    ----------
    layers : tuple of LayerScreening
        With the same statistics.
    entry : str
        What an entry is: "parameter", "unit" or "group".
    pairs : int
        n.
    response : str
        Which change of the loss, as far as known.
    constant : bool
        Whether the response does not vary.
    autocorrelation : float
        Of the response, with the step before.
    moved : int or None
        Steps that ``movement`` is summed over, where these are others than the pairs: sums of a
        training hold the movement of every step, and its first step has no pair with momentum,
        its last ones none at a lag.

    Notes
    -----
    No standard errors: consecutive steps are dependent, and the error of a covariance of two
    dependent series takes the autocovariances of both, or lagged sums of x y x' y', which no sums
    of O(p) memory here hold (`StepSums` has those of x with a lagged y). Use a test by rotation in
    time.
    """

    layers: tuple[LayerScreening, ...]
    entry: str
    pairs: int
    response: str
    constant: bool
    autocorrelation: float
    moved: int | None = None

    @property
    def statistics(self) -> tuple[str, ...]:
        """Names of the statistics that are known."""
        return tuple(self.layers[0].statistics)

    def __getitem__(self, name: str) -> LayerScreening:
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in self.layers)
        raise ConfigurationError(f"no layer is called {name!r}; there are {names}")

    def to_frame(self) -> pd.DataFrame:
        """One row an entry: layer, index (row-major), and a column a statistic."""
        frames = [
            pd.DataFrame(
                {"layer": layer.name, "index": np.arange(math.prod(layer.shape))}
                | dict(layer.statistics)
            )
            for layer in self.layers
        ]
        return pd.concat(frames, ignore_index=True)

    def _overview(self) -> pd.DataFrame:
        return self._by_layer(self.statistics)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the largest and the median value of a statistic in each layer.

        The statistic is the correlation where it is known, else the first one; sizes, not signs.
        """
        from causalhyper.figures.dots import plot_dots

        name = "correlation" if "correlation" in self.statistics else self.statistics[0]
        frame = self._by_layer((name,)).rename(columns={"layer": "label"})
        parts = [
            frame[["label", column]].rename(columns={column: "value"}).assign(series=series)
            for column, series in ((f"{name}_max", "largest"), (f"{name}_median", "median"))
        ]
        drawn = pd.concat(parts, ignore_index=True)
        return plot_dots(drawn, xlabel=f"size of {name.replace('_', ' ')}", log=True, ax=ax)

    def _by_layer(self, statistics: tuple[str, ...]) -> pd.DataFrame:
        """One row a layer: entries, flat, largest and median size of statistics."""
        rows = []
        for layer in self.layers:
            row: dict[str, object] = {"layer": layer.name}
            row |= {"entries": math.prod(layer.shape), "flat": layer.flat}
            for name in statistics:
                sizes = np.abs(layer.statistics[name])
                row |= {f"{name}_max": sizes.max(), f"{name}_median": np.median(sizes)}
            rows.append(row)
        return pd.DataFrame(rows)

    def keep(
        self,
        statistic: str = "correlation",
        *,
        sparsity: float | None = None,
        threshold: float | None = None,
        scope: Scope = "layer",
        min_per_layer: int = 1,
    ) -> KeptEntries:
        """Keep the entries whose statistic is large in absolute value.

        Parameters
        ----------
        statistic : str
            One of `statistics`.
        sparsity : float
            Share to leave out, in [0, 1]; of p entries ``round((1 - sparsity) p)`` are kept.
            Among equal values earlier entries go first.
        threshold : float
            Instead of a sparsity: keep what is above, in the unit of the statistic.
        scope : {"layer", "network"}
            Whether the share is of each layer, or of all layers ranked together.
        min_per_layer : int
            Entries kept of each layer at least (all of a smaller layer). Over the network they
            displace others.

        Returns
        -------
        KeptEntries

        Raises
        ------
        ConfigurationError
            If the statistic is not known, or a number means nothing.
        DataError
            If the statistic is of a response that does not vary.

        Examples
        --------
        >>> from causalhyper.granger.lasso import DenseColumns
        >>> from causalhyper.granger.screening import screen_columns
        >>> x = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 2.0], [2.0, 0.0, 2.0]])
        >>> screening = screen_columns(DenseColumns(x), [0.0, 1.0, 2.0])
        >>> screening.keep(sparsity=2 / 3).masks["design"].tolist()
        [True, False, False]
        """
        self._check(statistic, sparsity, threshold)
        found = allocate(
            {
                layer.name: np.abs(layer.statistics[statistic]).reshape(layer.shape)
                for layer in self.layers
            },
            sparsity=sparsity,
            threshold=threshold,
            scope=scope,
            minimum=min_per_layer,
        )
        return KeptEntries(
            masks=found.masks.kept,
            statistic=statistic,
            rule=found.rule,
            minimum=found.minimum,
            collapsed=found.collapsed,
            tied=found.tied,
        )

    def summary(self) -> str:
        """Say what was screened, and what it cannot tell."""
        size = sum(math.prod(layer.shape) for layer in self.layers)
        flat = sum(layer.flat for layer in self.layers)
        lines = [
            f"Screening of {len(self.layers)} layers, {size} entries (an entry is a "
            f"{self.entry}), over {self.pairs} pairs of steps; response: {self.response}",
            f"statistics: {', '.join(self.statistics)}",
            "marginal: each entry alone with the response, whatever the others do; a lasso keeps "
            "other entries",
            f"{flat} entries do not vary; autocorrelation of the response "
            f"{self.autocorrelation:.2f}: no standard errors from these sums",
        ]
        if self.moved is not None:
            lines.append(f"movement is summed over all {self.moved} steps")
        if self.constant:
            lines.append("the response does not vary: only movement and fisher tell entries apart")
        return "\n".join(lines)

    def _check(self, statistic: str, sparsity: float | None, threshold: float | None) -> None:
        if not isinstance(statistic, str) or statistic not in self.statistics:
            raise ConfigurationError(
                f"this screening has no {statistic!r}, only {', '.join(self.statistics)}; "
                "correlations of units take a design of units (screen_columns), fisher the final "
                "parameters"
            )
        if (sparsity is None) == (threshold is None):
            raise ConfigurationError("give a sparsity or a threshold, one of them")
        if self.constant and statistic in OF_RESPONSE:
            raise DataError(
                f"the response does not vary, so {statistic} ranks nothing: record a changing "
                "loss, or keep by movement"
            )
