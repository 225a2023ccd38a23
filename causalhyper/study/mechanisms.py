"""Mechanisms in words, for a command line or a study file: for all nodes or for one."""

from __future__ import annotations

from collections.abc import Sequence

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.scm import LINEAR, SPLINE, Additive, Binomial, CrossValidated, Flow, Table
from causalhyper.scm.options import Options

PLAIN: dict[str, Additive | Flow] = {"spline": SPLINE, "linear": LINEAR, "flow": Flow()}
"""Rungs that any node can have."""
OF_NODES = ("binomial", "table", "cross-validated")
"""Rungs that take more than a word, or suit some columns only."""
DEFAULT = "spline"
HELP = (
    "spline (the default), linear, flow (noise that is not normal or of unequal spread) or "
    "cross-validated (between spline and linear) for all nodes; NODE=MECHANISM for one, where "
    "also binomial (a proportion out of n_test; binomial:COLUMN out of another column), table "
    "(few values), or cross-validated:linear,table to choose among those named."
)


def parse_mechanisms(words: Sequence[str], graph: DirectedHypergraph) -> dict[str, Options]:
    """Read mechanisms, as ``--mechanism`` gives them.

    Parameters
    ----------
    words : sequence of str
        Each ``MECHANISM``, for all nodes that no other word names, or ``NODE=MECHANISM``.
    graph : DirectedHypergraph

    Returns
    -------
    dict of str to options
        For every node that has causes.

    Raises
    ------
    ConfigurationError
        If a mechanism is unknown, a node has none, or two words are about the same nodes.

    Examples
    --------
    >>> graph = DirectedHypergraph.parse("B -> N; {B, N} -> G")
    >>> found = parse_mechanisms(["linear", "G=binomial:n_eval"], graph)
    >>> found["N"] == LINEAR, found["G"].trials
    (True, 'n_eval')
    """
    given: dict[str, str] = {}
    for word in words:
        node, _, rung = word.rpartition("=")
        if node in given:
            raise ConfigurationError(
                f"there are two mechanisms for {node or 'all nodes'}, {given[node]!r} and "
                f"{rung!r}: keep one"
            )
        given[node] = rung
    _check_nodes([node for node in given if node], graph)
    rest = given.pop("", DEFAULT)
    if rest.partition(":")[0] in ("binomial", "table"):
        raise ConfigurationError(
            f"the mechanism {rest} suits some columns only: name its node, such as "
            f"{graph.order()[-1]}={rest}"
        )
    common = parse_rung(rest)
    caused = [node for node in graph.order() if graph.parents(node)]
    return {node: parse_rung(given[node]) if node in given else common for node in caused}


def parse_rung(text: str) -> Options:
    """Read one mechanism, such as ``linear`` or ``binomial:n_test``.

    Parameters
    ----------
    text : str

    Returns
    -------
    options

    Raises
    ------
    ConfigurationError
        If there is no such mechanism, or it does not take what stands behind the colon.
    """
    name, colon, more = text.partition(":")
    if name == "cross-validated" and not colon:
        return CrossValidated()
    if name == "cross-validated":
        parts = [parse_rung(part) for part in more.split(",")]
        candidates = tuple(p for p in parts if not isinstance(p, CrossValidated))
        if len(candidates) < len(parts):
            raise ConfigurationError(f"the mechanism {text}: cross-validation does not nest")
        return CrossValidated(candidates)
    if name == "binomial" and (more or not colon):
        return Binomial(trials=more) if more else Binomial()
    if colon or name not in (*PLAIN, *OF_NODES):
        raise ConfigurationError(
            f"unknown mechanism {text!r}: use spline, linear, binomial, binomial:COLUMN, flow, "
            "table, cross-validated, or cross-validated:linear,spline"
        )
    return Table() if name == "table" else PLAIN[name]


def _check_nodes(nodes: Sequence[str], graph: DirectedHypergraph) -> None:
    graph.require(*nodes)
    if roots := [node for node in nodes if not graph.parents(node)]:
        raise ConfigurationError(
            f"no mechanism for {roots[0]}: {roots[0]} has no causes in {graph}, so it keeps its "
            "observed values and has no mechanism"
        )
