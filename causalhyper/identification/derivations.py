"""What identification leaves behind: its steps, its estimand, or a hedge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from causalhyper.errors import CausalHyperError
from causalhyper.identification.expressions import Expression, symbols


@dataclass(frozen=True, slots=True)
class Hedge:
    """Why an effect is not identified: two sets of nodes that latent common causes connect.

    Parameters
    ----------
    forest : tuple of str
        F, connected by latent common causes, with treatments in it.
    rooted : tuple of str
        F′, its part without treatments, connected too.
    treatments : tuple of str
        The treatments in F.

    References
    ----------
    Shpitser and Pearl (2006), Theorem 4: two models with the hedge in their hypergraph agree on
    the observed distribution and differ in the effect.

    Examples
    --------
    >>> print(Hedge(("N", "G"), ("G",), ("N",)))
    F = {N, G}, F′ = {G}
    """

    forest: tuple[str, ...]
    rooted: tuple[str, ...]
    treatments: tuple[str, ...]

    def __str__(self) -> str:
        return f"F = {braces(self.forest)}, F′ = {braces(self.rooted)}"

    @property
    def sentence(self) -> str:
        """The hedge in words."""
        cause = listed(self.treatments)
        part = f", and so are {listed(self.rooted)} alone" if len(self.rooted) > 1 else ""
        verb = "is" if len(self.treatments) == 1 else "are"
        return (
            f"latent common causes connect {listed(self.forest)}{part}: two models can agree on "
            f"everything observed and differ when {cause} {verb} set (hedge {self})"
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a derivation.

    Parameters
    ----------
    line : str
        The line of the algorithm.
    depth : int
        How deep in the recursion, from 0.
    question : str
        What is asked, such as ``P(g | do(b))``.
    words : str
        What is done, and why.

    Examples
    --------
    >>> print(Step("1", 1, "P(g)", "nothing is set, so it is P(g)"))
      P(g): line 1, nothing is set, so it is P(g)
    """

    line: str
    depth: int
    question: str
    words: str

    def __str__(self) -> str:
        return f"{'  ' * self.depth}{self.question}: line {self.line}, {self.words}"


@dataclass(frozen=True, slots=True)
class Derivation:
    """The answer of the ID algorithm.

    Parameters
    ----------
    estimand : Expression or None
        The effect as a functional of the observed distribution; None where not identified.
    steps : tuple of Step
        Every step taken, in order.
    hedge : Hedge or None
        The witness of failure; None where identified.

    Raises
    ------
    CausalHyperError
        If there are both an estimand and a hedge, or neither.

    Examples
    --------
    >>> from causalhyper.identification.expressions import Probability
    >>> Derivation(Probability(("G",), ("B",)), (), None).identified
    True
    """

    estimand: Expression | None
    steps: tuple[Step, ...]
    hedge: Hedge | None

    def __post_init__(self) -> None:
        if (self.estimand is None) == (self.hedge is None):
            raise CausalHyperError(
                "a derivation ends in an estimand or in a hedge; got both or none"
            )

    @property
    def identified(self) -> bool:
        """True where there is an estimand."""
        return self.estimand is not None

    def __str__(self) -> str:
        return "\n".join(str(step) for step in self.steps)


def question(outcome: Sequence[str], treatment: Sequence[str], name: str = "P") -> str:
    """Print what is asked.

    Parameters
    ----------
    outcome, treatment : sequence of str
        Nodes.
    name : str
        The distribution.

    Returns
    -------
    str
        With values in small letters.

    Examples
    --------
    >>> question(["G"], ["B"]), question(["G"], [])
    ('P(g | do(b))', 'P(g)')
    """
    signs = symbols((*outcome, *treatment))
    y, x = (", ".join(signs[name] for name in side) for side in (outcome, treatment))
    return f"{name}({y} | do({x}))" if treatment else f"{name}({y})"


def braces(nodes: Sequence[str]) -> str:
    """Print a set of nodes.

    Parameters
    ----------
    nodes : sequence of str
        Nodes.

    Returns
    -------
    str
        In braces; ``∅`` for none.

    Examples
    --------
    >>> braces(["N", "S"]), braces([])
    ('{N, S}', '∅')
    """
    return "{" + ", ".join(nodes) + "}" if nodes else "∅"


def listed(nodes: Sequence[str]) -> str:
    """Print nodes in a sentence.

    Parameters
    ----------
    nodes : sequence of str
        Nodes.

    Returns
    -------
    str
        With "and" before the last.

    Examples
    --------
    >>> listed(["B", "N", "S"])
    'B, N and S'
    """
    if len(nodes) < 2:
        return "".join(nodes)
    return f"{', '.join(nodes[:-1])} and {nodes[-1]}"
