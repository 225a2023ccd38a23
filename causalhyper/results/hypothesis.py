"""The result of a test: hypothesis, statistic, reference distribution, p-value, reading."""

from __future__ import annotations

from dataclasses import dataclass

from causalhyper.errors import CausalHyperError


@dataclass(frozen=True, slots=True)
class HypothesisTest:
    """A test, or the sentence that says why it does not apply.

    Attributes
    ----------
    name : str
    null : str
        H0 in words.
    statistic, p_value : float or None
        None where the test does not apply.
    reference : str
        The distribution that the statistic is held against.
    alpha : float
        Size at which `reading` decides.
    if_rejected, if_kept : str
        What each outcome means for the question.
    inapplicable : str
        Why there is no test; "" where there is one.
    """

    name: str
    null: str
    statistic: float | None
    p_value: float | None
    reference: str
    alpha: float
    if_rejected: str
    if_kept: str
    inapplicable: str = ""

    def __post_init__(self) -> None:
        if (self.p_value is None) != bool(self.inapplicable):
            raise CausalHyperError(
                f"{self.name}: a test has either a p-value or a reason why it does not apply"
            )

    @property
    def rejected(self) -> bool:
        """Whether the p-value is at most alpha."""
        return self.p_value is not None and self.p_value <= self.alpha

    @property
    def reading(self) -> str:
        """The verdict in one sentence."""
        if self.p_value is None:
            return self.inapplicable
        return self.if_rejected if self.rejected else self.if_kept
