"""Controls with the layer counts of another method: how many is told from which."""

from __future__ import annotations

from causalhyper.granger.criteria.criterion import Criterion
from causalhyper.granger.criteria.evidence import Evidence
from causalhyper.granger.criteria.named import named
from causalhyper.granger.masks import Allocation, Masks, allocate


def match_counts(criterion: Criterion | str, evidence: Evidence, masks: Masks) -> Allocation:
    """Choose by a criterion exactly as many entries of each layer as masks keep.

    A method that prunes well may know how many parameters each layer needs, or which. `Random`
    and `Magnitude` at its own layer counts tell: where they do as well, it is the counts.

    Parameters
    ----------
    criterion : Criterion or str
        The control, or its name.
    evidence : Evidence
        What it is given; its masks are those before, as the method had them.
    masks : Masks
        What the method kept: of parameters, or of units where the evidence asks for units.

    Returns
    -------
    Allocation

    Raises
    ------
    ConfigurationError
        If layers differ, or the masks keep more of a layer than was left of it.

    Examples
    --------
    >>> import numpy as np
    >>> weights = {"conv": np.array([0.1, 2.0]), "fc": np.array([3.0, 1.0, 2.0])}
    >>> chosen = Masks({"conv": np.array([True, False]), "fc": np.array([True, True, False])})
    >>> before = Masks.all_kept({"conv": (2,), "fc": (3,)})
    >>> evidence = Evidence(weights, weights, before, np.random.default_rng(0))
    >>> match_counts("magnitude", evidence, chosen).masks.kept["fc"].tolist()
    [True, False, True]
    """
    control = named(criterion) if isinstance(criterion, str) else criterion
    return allocate(control.scores(evidence), counts=masks.layer_counts(), within=evidence.entries)
