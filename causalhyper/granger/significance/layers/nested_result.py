"""Tests of layers or units, each given the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.granger.significance.layers.wald import WaldStatistic
from causalhyper.notebook import Shown
from causalhyper.results import HypothesisTest

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = (
    "layer",
    "group",
    "n",
    "kept",
    "r2_out",
    "statistic",
    "p",
    "q",
    "q_bh",
    "r2_in",
    "p_fixed",
    "p_asymptotic",
    "bandwidth",
)
"""Columns of `LayerTests.to_frame`, in order."""


@dataclass(frozen=True, slots=True)
class LayerTest:
    """The test of a layer or unit.

    Attributes
    ----------
    layer : str
    group : str
        "layer", or the number of the unit.
    n : int
        Entries tested together.
    wald : WaldStatistic or None
        None where the test does not apply.
    r2_in : float
        Share of the squares that the others leave, explained by these.
    p, q, q_bh : float
        p-value; adjusted by Holm, and by Benjamini and Hochberg. NaN where there is no test.
    inapplicable : str
        Why there is no test.
    """

    layer: str
    group: str
    n: int
    wald: WaldStatistic | None
    r2_in: float
    p: float
    q: float
    q_bh: float
    inapplicable: str = ""

    @property
    def name(self) -> str:
        """The layer, and the unit if it is one."""
        return self.layer if self.group == "layer" else f"{self.layer}, unit {self.group}"


@dataclass(frozen=True, slots=True)
class LayerTests(Shown):
    """Tests of every layer or unit, each given the others.

    Attributes
    ----------
    tests : tuple of LayerTest
    alpha : float
        Size at which the verdicts decide, with Holm's p-values.
    reference : str
        What p-values come from.
    autocorrelation : float
        Of the loss change, with the step before.
    """

    tests: tuple[LayerTest, ...]
    alpha: float
    reference: str
    autocorrelation: float

    def __getitem__(self, layer: str) -> LayerTest:
        for test in self.tests:
            if test.layer == layer:
                return test
        raise ConfigurationError(
            f"no layer is called {layer!r}; there are "
            f"{', '.join(dict.fromkeys(test.layer for test in self.tests))}"
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a layer or unit, columns `COLUMNS`; ``kept`` is n where q is at most alpha."""
        rows = [
            {
                "layer": t.layer,
                "group": t.group,
                "n": t.n,
                "kept": t.n if t.q <= self.alpha else 0,
                "r2_out": float("nan"),
                "statistic": t.wald.value if t.wald else float("nan"),
                "p": t.p,
                "q": t.q,
                "q_bh": t.q_bh,
                "r2_in": t.r2_in,
                "p_fixed": t.wald.p_fixed if t.wald else float("nan"),
                "p_asymptotic": t.wald.p_asymptotic if t.wald else float("nan"),
                "bandwidth": t.wald.bandwidth if t.wald else float("nan"),
            }
            for t in self.tests
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def hypothesis_tests(self) -> tuple[HypothesisTest, ...]:
        """One a layer or unit, with Holm's p-value."""
        alone = len(self.tests) == 1
        beyond = "" if alone else " beyond the others"
        given = "" if alone else "given the others, "
        return tuple(
            HypothesisTest(
                name=f"movement of {t.name}",
                null=f"{given}the movement of {t.name} explains no loss change",
                statistic=t.wald.value if t.wald else None,
                p_value=None if t.inapplicable else t.q,
                reference=self.reference,
                alpha=self.alpha,
                if_rejected=f"the movement of {t.name} explains loss changes{beyond}",
                if_kept=f"no sign that {t.name} explains loss changes{beyond}",
                inapplicable=t.inapplicable,
            )
            for t in self.tests
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the p-values under alpha and above."""
        from causalhyper.figures.dots import plot_dots

        frame = pd.DataFrame(
            {"label": [t.name for t in self.tests], "value": [t.q for t in self.tests]}
        )
        marks = [(self.alpha, f"alpha {self.alpha:g}")]
        return plot_dots(frame, xlabel="p-value, adjusted by Holm", log=True, marks=marks, ax=ax)

    def summary(self) -> str:
        """Say how it was tested, and one verdict a layer."""
        lines = [
            f"{self._count()}; {self.reference}; p-values adjusted by Holm",
            f"autocorrelation of the loss change {self.autocorrelation:.2f}",
        ]
        for layer in dict.fromkeys(test.layer for test in self.tests):
            own = [i for i, test in enumerate(self.tests) if test.layer == layer]
            lines.append(f"{layer}: {self._verdict(own)}")
        return "\n".join(lines)

    def _count(self) -> str:
        if len(self.tests) == 1:
            return "1 Wald test of movement"
        return f"{len(self.tests)} Wald tests of movement given the others"

    def _verdict(self, own: list[int]) -> str:
        tests = [self.tests[i] for i in own]
        if tests[0].group == "layer":
            reading = self.hypothesis_tests()[own[0]].reading
            return reading if tests[0].inapplicable else f"{reading} (p = {tests[0].q:.3g})"
        found = [test for test in tests if test.q <= self.alpha]
        out = sum(bool(test.inapplicable) for test in tests)
        left = f"; {out} could not be tested" if out else ""
        return f"{len(found)} of {len(tests)} units explain loss changes beyond the others{left}"
