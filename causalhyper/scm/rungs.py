"""Fit the mechanism of one node by any rung of the ladder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.mechanisms import (
    AdditiveFit,
    BinomialFit,
    FlowFit,
    Groups,
    MechanismFit,
    TermSpace,
    fit_additive,
    fit_binomial,
    fit_flow,
    fit_regressor,
    fit_table,
    make_basis,
    make_term_space,
    variance_ratio,
)
from causalhyper.scm.choice import choose
from causalhyper.scm.grouping_checks import find_flaw
from causalhyper.scm.model import Mechanism, assign_terms
from causalhyper.scm.options import (
    Additive,
    Binomial,
    CrossValidated,
    Flow,
    Options,
    Regressor,
    Rung,
    Table,
)

Terms = tuple[tuple[int, ...], ...]


def fit_node(
    graph: DirectedHypergraph,
    node: str,
    values: Mapping[str, Array],
    groups: Groups,
    options: Options,
    trials: Array | None = None,
) -> Mechanism:
    """Fit one node's mechanism, choosing it by cross-validation where options ask for that.

    Parameters
    ----------
    graph : DirectedHypergraph
    node : str
        With causes.
    values : mapping of str to ndarray, shape (n,)
        Every node on its model scale.
    groups : Groups
    options : Additive, Binomial, Flow, Regressor, Table or CrossValidated
    trials : ndarray, shape (n,), optional
        Behind each proportion, for a binomial mechanism.

    Returns
    -------
    Mechanism

    Raises
    ------
    ConfigurationError
        If the runs do not tell the causes apart, or the mechanism does not suit the node.
    """
    order = graph.order()
    parents = tuple(sorted(graph.parents(node), key=order.index))
    edges = graph.into(node)
    terms, owners = assign_terms(parents, edges)
    inputs = [values[p] for p in parents]
    names = (*parents, node)

    def made(rung: Rung) -> MechanismFit[Any]:
        return _fit_rung(rung, terms, inputs, values[node], groups, trials, names)

    if not isinstance(options, CrossValidated):
        return Mechanism(node, parents, edges, owners, options, made(options))
    tried = [_attempt(made, rung) for rung in options.candidates]
    words = [str(rung) for rung in options.candidates]
    at, scores = choose(words, tried, inputs, groups, options.folds, options.seed, options.measure)
    chosen = tried[at]
    assert not isinstance(chosen, ConfigurationError)
    return Mechanism(node, parents, edges, owners, options.candidates[at], chosen, scores)


def _attempt(made: Any, rung: Rung) -> MechanismFit[Any] | ConfigurationError:
    try:
        found: MechanismFit[Any] = made(rung)
    except ConfigurationError as error:
        return error
    return found


def _fit_rung(
    rung: Rung,
    terms: Terms,
    inputs: Sequence[Array],
    response: Array,
    groups: Groups,
    trials: Array | None,
    names: Sequence[str],
) -> MechanismFit[Any]:
    if isinstance(rung, Table):
        return fit_table(inputs, response, groups, prior=rung.prior, names=names)
    if isinstance(rung, Regressor):
        return fit_regressor(rung.estimator, inputs, response, groups, bins=rung.bins)
    space = make_term_space(terms, inputs, rung.df, rung.joint_df, names[:-1])
    if isinstance(rung, Flow):
        return _fit_flow(rung, space, inputs, response, groups, names)
    if isinstance(rung, Binomial):
        if trials is None:
            raise ConfigurationError(f"the binomial mechanism of {names[-1]} has no trials")
        found: AdditiveFit | BinomialFit = fit_binomial(space, inputs, response, trials, groups)
    else:
        shrinkage = _shrinkage(rung, space, inputs, response, groups)
        found = fit_additive(space, inputs, response, groups, shrinkage)
    _check_rank(found, names, inputs, groups)
    return found


def _fit_flow(
    rung: Flow,
    space: TermSpace,
    inputs: Sequence[Array],
    response: Array,
    groups: Groups,
    names: Sequence[str],
) -> FlowFit:
    """Refuse causes that cannot be told apart before any likelihood is searched."""
    shrinkage = _shrinkage(rung, space, inputs, response, groups)
    line = fit_additive(space, inputs, response, groups, shrinkage)
    _check_rank(line, names, inputs, groups)
    return fit_flow(
        space,
        [make_basis(x, rung.spread_df) for x in inputs if rung.spread_df],
        [make_basis(x, rung.shape_df) for x in inputs if rung.shape_df],
        inputs,
        response,
        groups,
        slopes=rung.slopes,
        folds=rung.folds,
        seed=rung.seed,
        shrinkage=shrinkage,
    )


def _shrinkage(
    rung: Additive | Flow,
    space: TermSpace,
    inputs: Sequence[Array],
    response: Array,
    groups: Groups,
) -> float | None:
    if rung.contexts == "fixed":
        return None
    return variance_ratio(space.columns(inputs), response, groups.contexts)


def _check_rank(
    fit: AdditiveFit | BinomialFit, names: Sequence[str], inputs: Sequence[Array], groups: Groups
) -> None:
    if fit.rank < fit.width:
        if flaw := find_flaw(names[:-1], inputs, groups):
            raise ConfigurationError(f"the mechanism of {names[-1]} cannot be fitted: {flaw}")
        raise ConfigurationError(
            f"these runs do not tell the causes of {names[-1]} apart ({', '.join(names[:-1])}"
            f"{' beside contexts' if groups.context_count > 1 else ''}): {fit.width} columns "
            f"have rank {fit.rank}. Use straight lines, merge hyperedges, or vary the causes "
            "independently"
        )
    if isinstance(fit, BinomialFit) and not fit.converged:
        raise ConfigurationError(
            f"the binomial fit of {names[-1]} does not converge: its causes separate proportions "
            "of 0 or 1 from the others; use fewer functions, or an additive mechanism"
        )
