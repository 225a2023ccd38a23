"""What estimates through the design and through the hypergraph rest on."""

from __future__ import annotations

from collections.abc import Collection

from causalhyper.errors import NotIdentifiedError
from causalhyper.hypergraph import DirectedHypergraph, ancestors, descendants
from causalhyper.scm.model import FittedModel

DESIGN_ASSUMES = ("the treatment was assigned, not chosen by what happened in the runs",)
GRAPH_ASSUMES = (
    "the hypergraph holds: no arc is missing",
    "no unmeasured common cause of any two nodes",
    "mechanisms of the stated form, noise exchangeable between runs",
)

SAME_IN_CONTEXTS = (
    "the effect is the same in all contexts; where it is not, contexts count by how much the "
    "treatment varies in them"
)
"""What one effect for several contexts assumes."""


def across_contexts(model: FittedModel) -> tuple[str, ...]:
    """What an effect assumes of contexts, where the model has several."""
    return () if model.groups.context_count == 1 else (SAME_IN_CONTEXTS,)


BEYOND = 0.05
"""Share of simulated runs beyond the observed ones from which an answer says so."""


def warn_beyond(beyond: float) -> tuple[str, ...]:
    """What an answer rests on when so large a share of its simulated runs lies beyond the runs."""
    if beyond <= BEYOND:
        return ()
    return (f"{beyond:.0%} of simulated runs lie beyond the observed ones",)


def confounding(graph: DirectedHypergraph, fixed: Collection[str], outcome: str) -> str:
    """Why simulating through the hypergraph is not the causal effect; "" if it is.

    Mechanisms are fitted node by node and simulated with independent noise, so no two nodes that
    lead to the outcome may have an unmeasured common cause. One of a node that is set and
    something that does not follow from it does no harm.

    Parameters
    ----------
    graph : DirectedHypergraph
    fixed : collection of str
        Nodes that are set.
    outcome : str

    Returns
    -------
    str

    Examples
    --------
    >>> confounding(DirectedHypergraph.parse("B -> N -> G; N <-> G"), ["B"], "G")
    'G <-> N is an unmeasured common cause on the way to G'
    >>> confounding(DirectedHypergraph.parse("Z -> N; {Z, N} -> G; Z <-> N"), ["N"], "G")
    ''
    """
    before = {outcome, *ancestors(graph, {outcome})}
    for pair in graph.latent:
        if not before.issuperset(pair) or any(
            _harmless(graph, *ends, fixed) for ends in (pair, pair[::-1])
        ):
            continue
        return f"{' <-> '.join(pair)} is an unmeasured common cause on the way to {outcome}"
    return ""


def _harmless(graph: DirectedHypergraph, one: str, other: str, fixed: Collection[str]) -> bool:
    """Whether one end is set and the other does not follow from it."""
    return one in fixed and other not in descendants(graph, {one})


def refuse_confounding(model: FittedModel, fixed: Collection[str], outcome: str) -> None:
    """Refuse to simulate an outcome through an unmeasured common cause.

    Parameters
    ----------
    model : FittedModel
    fixed : collection of str
        Nodes that are set.
    outcome : str

    Raises
    ------
    NotIdentifiedError
        If there is one.
    """
    if reason := confounding(model.graph, fixed, outcome):
        raise NotIdentifiedError(
            f"{reason}: simulating the mechanisms with independent noise would not be the causal "
            "effect. Ask identify() what is known, effect_curve for the design and the adjusted "
            "estimate, or correlated_errors how much it could matter"
        )
