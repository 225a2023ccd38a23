"""A fitted model as a graphical causal model of dowhy, with the same mechanisms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import expanded
from causalhyper.hypergraph.exports import load_library
from causalhyper.scm.capabilities import require_additive
from causalhyper.scm.exports.gcm_mechanisms import ContextRoot, TermRegression
from causalhyper.scm.exports.refusals import refuse_latents
from causalhyper.scm.model import FittedModel

PARENTS = "parents_during_fit"
"""Where gcm keeps the parents of a fitted node."""


def node_values(model: FittedModel, *, context: str = "context") -> pd.DataFrame:
    """Return the runs as the model sees them.

    Parameters
    ----------
    model : FittedModel
        The model.
    context : str
        Name of the column with the number of each run's context.

    Returns
    -------
    DataFrame
        One row a run, one column a node on its model scale, in topological order; behind them
        `context`, if the model has several. It is what the queries of gcm ask for as data.

    Raises
    ------
    ConfigurationError
        If the model has contexts and a node of that name.
    """
    _check_name(model, context)
    frame = pd.DataFrame({v: model.values[v] for v in model.graph.order()})
    return (
        frame
        if model.groups.context_count == 1
        else frame.assign(**{context: model.groups.contexts})
    )


def to_gcm(model: FittedModel, *, context: str = "context") -> Any:
    """Return a graphical causal model of dowhy whose mechanisms are the fitted ones.

    Roots have their observed distribution; every other node is the fitted mean, by the model's
    own terms and coefficients, plus a residual drawn from all runs. Where the model has several
    contexts, the context is a root of its own with an arc to every node: it carries the
    mechanisms' intercepts, and the other roots are drawn from runs of the same context.

    Parameters
    ----------
    model : FittedModel
        The model.
    context : str
        Name of the node with the number of the context, if the model has several.

    Returns
    -------
    dowhy.gcm.InvertibleStructuralCausalModel
        Ready for queries; values are on the nodes' model scale. ``gcm.fit`` on other runs
        solves least squares in the same bases.

    Raises
    ------
    ConfigurationError
        If dowhy is not installed, the hypergraph has latent common causes (noise terms of gcm
        are independent), or the model has contexts and a node named `context`.
    """
    refuse_latents(model, "the noise terms of gcm are independent")
    gcm = load_library("dowhy.gcm")
    data = node_values(model, context=context)
    graph: Any = expanded(model.graph)
    if context in data:
        graph.add_edges_from((context, v) for v in model.graph.order())
    causal = gcm.InvertibleStructuralCausalModel(graph)
    for node in graph:
        parents = sorted(graph.predecessors(node))
        causal.set_causal_mechanism(node, _mechanism(gcm, model, node, data, parents))
        graph.nodes[node][PARENTS] = parents
    return causal


def _mechanism(
    gcm: Any, model: FittedModel, node: str, data: pd.DataFrame, parents: list[str]
) -> Any:
    """Make the mechanism of one node, fitted."""
    inputs, values = data[parents].to_numpy(dtype=np.float64), data[node].to_numpy()
    if node in model.mechanisms:
        regression = _regression(model, node, parents)
        noise = gcm.EmpiricalDistribution()
        noise.fit(values[:, None] - regression.predict(inputs))
        return gcm.AdditiveNoiseModel(regression, noise)
    if parents:
        # an abstract base class takes it in without a subclass, which would import dowhy here
        load_library("dowhy.gcm.causal_mechanisms").InvertibleFunctionalCausalModel.register(
            ContextRoot
        )
        uniform = gcm.ScipyDistribution(load_library("scipy.stats").uniform, loc=0, scale=1)
        root = ContextRoot(uniform, model.groups.context_count)
        root.fit(inputs, values)
        return root
    observed = gcm.EmpiricalDistribution()
    observed.fit(values)
    return observed


def _regression(model: FittedModel, node: str, parents: list[str]) -> TermRegression:
    """Wrap the fitted mean of one node; what is no parent in the graph is the context."""
    mechanism = model.mechanisms[node]
    fit = require_additive(mechanism, "nothing else can be exported")
    places = tuple(parents.index(parent) for parent in mechanism.parents)
    extra = [i for i in range(len(parents)) if i not in places]
    return TermRegression(
        fit.space, places, extra[0] if extra else None, fit.coefs, fit.parameters.effects[0]
    )


def _check_name(model: FittedModel, context: str) -> None:
    if model.groups.context_count > 1 and context in model.graph.nodes:
        raise ConfigurationError(
            f"{context!r} is a node already: give the context another name, by context="
        )
