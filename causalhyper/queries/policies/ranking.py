"""A ranking of treatment values by utility, as numbers, rows and words."""

from __future__ import annotations

from dataclasses import dataclass

from causalhyper.errors import CausalHyperError
from causalhyper.results import Estimate, decimals

RANKING = (
    "context",
    "value",
    "rank",
    "outcome",
    "cost",
    "utility",
    "utility_lower",
    "utility_upper",
    "gap",
    "gap_lower",
    "gap_upper",
    "probability_best",
    "expected_regret",
    "regret_upper",
    "may_be_best",
    "recommended",
    "level",
)
"""Columns of the table of a ranking, in order."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One treatment value as a choice.

    Attributes
    ----------
    value : float
    outcome, utility : Estimate
        Mean outcome under do(value), and that (or minus that) less the cost.
    cost : Estimate or None
        In units of the outcome; None where nothing costs anything.
    gap : Estimate
        Utility less that of the best other value, with a simultaneous interval (multiple
        comparisons with the best), which holds zero.
    probability_best : float
        Under the bootstrap distribution, an approximate confidence distribution.
    expected_regret, regret_upper : float
        Mean, and quantile at the level, of what choosing the value loses, under the same.
    rank : int
        By estimated utility; 1 is the best, ties share a rank.
    may_be_best : bool
        Whether it cannot be told apart from the best.
    """

    value: float
    outcome: Estimate
    utility: Estimate
    cost: Estimate | None
    gap: Estimate
    probability_best: float
    expected_regret: float
    regret_upper: float
    rank: int
    may_be_best: bool

    def __post_init__(self) -> None:
        if not 0 <= self.probability_best <= 1 or self.expected_regret < 0:
            raise CausalHyperError(
                f"the probability {self.probability_best} that {self.value:g} is best must lie in "
                f"[0, 1], and its regret {self.expected_regret} be at least 0"
            )

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Outcome, cost (where there is one), utility, gap."""
        cost = () if self.cost is None else (self.cost,)
        return (self.outcome, *cost, self.utility, self.gap)

    def line(self, digits: int) -> str:
        """The choice as a line of text."""
        mark = "*" if self.may_be_best else " "
        cost = "" if self.cost is None else f"  cost {self.cost.estimate:.{digits}f}"
        return (
            f"{self.value:>8g}{mark} utility {self.utility.interval(digits)}{cost}  "
            f"P(best) {self.probability_best:.2f}  "
            f"regret {self.expected_regret:.2g} (up to {self.regret_upper:.2g})"
        )


@dataclass(frozen=True, slots=True)
class Ranking:
    """The values as choices, in one population of runs.

    Attributes
    ----------
    context : str
        Value of the context column; "" for all runs.
    choices : tuple of Choice
        In the order that was asked.
    """

    context: str
    choices: tuple[Choice, ...]

    def __post_init__(self) -> None:
        total = sum(c.probability_best for c in self.choices)
        if abs(total - 1) > 1e-9:
            raise CausalHyperError(f"the probabilities of being best sum to {total}, not to 1")
        if not all(c.may_be_best for c in self.choices if c.rank == 1):
            raise CausalHyperError("the highest utility must be among those that may be best")

    @property
    def tied(self) -> tuple[float, ...]:
        """The values whose estimated utility is the highest; more than one only in a tie."""
        return tuple(c.value for c in self.choices if c.rank == 1)

    @property
    def recommended(self) -> float:
        """The value of highest estimated utility; the first asked of tied ones."""
        return self.tied[0]

    @property
    def best_set(self) -> tuple[float, ...]:
        """Values that cannot be told apart from the best, in the order asked."""
        return tuple(c.value for c in self.choices if c.may_be_best)

    @property
    def digits(self) -> int:
        """Decimals at which gaps show two figures of their error."""
        return decimals(c.gap.se for c in self.choices)

    def __getitem__(self, value: float) -> Choice:
        for choice in self.choices:
            if choice.value == value:
                return choice
        asked = ", ".join(f"{c.value:g}" for c in self.choices)
        raise KeyError(f"{value:g} was not asked for; choices are {asked}")


def describe_ranking(ranking: Ranking, column: str) -> str:
    """What the ranking says, in words.

    Parameters
    ----------
    ranking : Ranking
    column : str
        The treatment's column.

    Returns
    -------
    str
    """
    chosen = ranking[ranking.recommended]
    digits = ranking.digits
    tied = ", ".join(f"{v:g}" for v in ranking.tied[1:])
    tie = f" (tied with {tied})" if tied else ""
    others = [f"{v:g}" for v in ranking.best_set if v != chosen.value]
    level = f"{chosen.gap.level:.0%}"
    apart = (
        f"it cannot be told apart from {', '.join(others)} ({level} set of the best)"
        if others
        else f"every other value is shown to be worse ({level}, simultaneously)"
    )
    return (
        f"{column} {chosen.value:g} has the highest estimated utility{tie}: "
        f"{chosen.utility.interval(digits)}; {apart}. Probability of being the best "
        f"{chosen.probability_best:.2f}, expected regret {chosen.expected_regret:.2g} "
        f"({level} of the distribution below {chosen.regret_upper:.2g}; bootstrap "
        f"distribution, an approximate confidence distribution; {chosen.gap.clusters} clusters)."
    )


def to_rows(ranking: Ranking) -> list[dict[str, object]]:
    """One row a value, with the columns `RANKING`."""
    return [
        {
            "context": ranking.context,
            "value": c.value,
            "rank": c.rank,
            "outcome": c.outcome.estimate,
            "cost": 0.0 if c.cost is None else c.cost.estimate,
            "utility": c.utility.estimate,
            "utility_lower": c.utility.lower,
            "utility_upper": c.utility.upper,
            "gap": c.gap.estimate,
            "gap_lower": c.gap.lower,
            "gap_upper": c.gap.upper,
            "probability_best": c.probability_best,
            "expected_regret": c.expected_regret,
            "regret_upper": c.regret_upper,
            "may_be_best": c.may_be_best,
            "recommended": c.value == ranking.recommended,
            "level": c.gap.level,
        }
        for c in ranking.choices
    ]
