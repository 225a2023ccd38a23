"""A fitted linear model as a linear Gaussian Bayesian network of pgmpy."""

from __future__ import annotations

from typing import Any

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph.exports import load_library
from causalhyper.scm.capabilities import require_additive
from causalhyper.scm.exports.refusals import refuse_latents
from causalhyper.scm.model import FittedModel, Mechanism


def to_linear_gaussian(model: FittedModel) -> Any:
    """Return a linear Gaussian Bayesian network of pgmpy with the fitted coefficients.

    Means and covariances are those of the model; that the noise and the roots are normal is
    the network's assumption, not the model's.

    Parameters
    ----------
    model : FittedModel
        All mechanisms straight lines without products, and a single context.

    Returns
    -------
    pgmpy.models.LinearGaussianBayesianNetwork
        Values are on the nodes' model scale. Standard deviations are those of the runs and of
        the residuals, with divisor n. (Its ``to_joint_gaussian`` rounds to 8 decimals.)

    Raises
    ------
    ConfigurationError
        If pgmpy is not installed, or the model has a product, a curve, several contexts or a
        latent common cause; the message says which hyperedge stands in the way.
    """
    _check_linear(model)
    models = load_library("pgmpy.models")
    continuous = load_library("pgmpy.factors.continuous")
    order = model.graph.order()
    network = models.LinearGaussianBayesianNetwork(list(model.graph.arcs))
    network.add_nodes_from([v for v in order if v not in network])
    for node in order:
        values = model.values[node]
        if node in model.mechanisms:
            mechanism = model.mechanisms[node]
            beta = _straight_line(mechanism)
            parents = list(mechanism.parents)
            fitted = beta[0] + sum(
                b * model.values[p] for b, p in zip(beta[1:], parents, strict=True)
            )
            noise = float(np.std(values - fitted))
            cpd = continuous.LinearGaussianCPD(node, beta, noise, parents)
        else:
            cpd = continuous.LinearGaussianCPD(node, [float(values.mean())], float(values.std()))
        network.add_cpds(cpd)
    network.check_model()
    return network


def _check_linear(model: FittedModel) -> None:
    """Refuse what a linear Gaussian network cannot hold."""
    refuse_latents(model, "a latent common cause has no fitted coefficients")
    if model.groups.context_count > 1:
        raise ConfigurationError(
            f"the model has {model.groups.context_count} contexts ({' x '.join(model.context)}), "
            "each with an intercept of its own, which a linear Gaussian network cannot hold: "
            "fit one context at a time, or use to_gcm"
        )
    for mechanism in model.mechanisms.values():
        space = require_additive(mechanism, "nothing else can be exported").space
        for term, owner in zip(space.terms, mechanism.owners, strict=True):
            edge = mechanism.edges[owner]
            if len(term) > 1:
                apart = "; ".join(f"{cause} -> {edge.head}" for cause in edge.tail)
                raise ConfigurationError(
                    f"the hyperedge {edge} is a product of its causes, and a linear Gaussian "
                    f"network is additive: fit '{apart}' instead, or use to_gcm"
                )
            if space.main[term[0]].size > 1:
                raise ConfigurationError(
                    f"the hyperedge {edge} is a curve ({mechanism.options}), and a linear "
                    "Gaussian network is straight: fit with mechanisms=LINEAR, or use to_gcm"
                )


def _straight_line(mechanism: Mechanism) -> list[float]:
    """Return intercept and slopes of a linear mechanism, in the order of its parents."""
    fit = require_additive(mechanism, "nothing else can be exported")
    space, coefs = fit.space, fit.coefs
    intercept, slopes = float(fit.parameters.effects[0, 0]), np.zeros(len(mechanism.parents))
    for (place,), where in zip(space.terms, space.slices, strict=True):
        # the basis is ((x - first) / width - centre) * scale
        basis = space.main[place]
        first, width = basis.knots[0], basis.knots[-1] - basis.knots[0]
        size = float(coefs[where][0] * basis.rotation[0, 0])
        slopes[place] = size / width
        intercept -= size * float(first / width + basis.centre[0])
    return [intercept, *slopes.tolist()]
