"""Values that a node is set to, from the unit of its column to the scale of its model."""

from __future__ import annotations

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.queries.questions import check_tables
from causalhyper.scm.model import FittedModel


def set_value(model: FittedModel, node: str, value: float) -> float:
    """Check a value that a node is to be set to, and put it on the model's scale.

    Parameters
    ----------
    model : FittedModel
    node : str
    value : float
        In the unit of the node's column.

    Returns
    -------
    float

    Raises
    ------
    ConfigurationError
        If it lies outside what the runs have, or between their values where a table follows, or
        has no logarithm where one is taken.
    """
    model.graph.require(node)
    role, seen = model.roles[node], model.values[node]
    if role.is_logarithmic and not value > 0:
        raise ConfigurationError(
            f"{role.label} is analysed on a logarithmic scale, so {node} cannot be set to "
            f"{value!r}: use a value above 0"
        )
    asked = float(role.apply(np.array([float(value)]))[0])
    slack = 1e-9 * max(1.0, abs(asked))
    if not seen.min() - slack <= asked <= seen.max() + slack:
        bases = {"log": np.e, "log2": 2.0, "log10": 10.0}
        ends = [float(x) for x in (seen.min(), seen.max())]
        low, high = (bases[role.transform] ** x if role.is_logarithmic else x for x in ends)
        raise ConfigurationError(
            f"{role.column} = {value:.6g} (node {node}) lies outside the runs, which have "
            f"{low:.6g} to {high:.6g}: nothing is known there"
        )
    near = np.isclose(seen, asked, rtol=1e-9, atol=1e-12).any()
    check_tables(model, node, () if near else (value,))
    return asked
