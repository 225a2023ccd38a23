"""What is known of a network when some of its parameters are to be pruned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.frames import StepSums
from causalhyper.granger.criteria.attribution import Attribution, Part
from causalhyper.granger.criteria.loss_series import LossSeries
from causalhyper.granger.design.records import Recorded
from causalhyper.granger.lasso.arguments import check_generator
from causalhyper.granger.masks import Masks, sum_units, units_of

Gradients = Callable[[int], Iterator[Mapping[str, Array]]]
"""Given a number, yields the mean gradients of so many minibatches, by layer and in its shape."""
GRADIENTS: Mapping[Part, str] = {
    "turned": "gradients before and after",
    "fresh": "gradients on a fresh minibatch before",
}
"""What the parts of an attribution are summed from."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known of a network when some of its parameters are to be pruned.

    Attributes
    ----------
    weights : mapping of str to ndarray
        By layer, in its shape: the parameters to which training goes back after pruning.
    collected : mapping of str to ndarray
        The parameters at the end of the collecting stage.
    masks : Masks
        What was kept until now; what is pruned stays so.
    rng : numpy.random.Generator
        For criteria that draw.
    sums : StepSums, optional
        Of the collecting stage.
    trajectory : Trajectory, path or ArrayTrajectory, optional
        Of the collecting stage.
    gradients : callable, optional
        Given a number n, yields the mean gradients of n minibatches at `collected`.
    share : {None, "output"}
        Whether scores are asked for of parameters, or of the units of a layer's first axis (output
        channels, neurons): one a unit.
    series : LossSeries, optional
        Of the collecting stage.
    attribution : mapping of str to Attribution, optional
        By layer, of the collecting stage; the parameters of a layer in a row.

    Raises
    ------
    ConfigurationError
        If layers or shapes differ.
    """

    weights: Mapping[str, Array]
    collected: Mapping[str, Array]
    masks: Masks
    rng: np.random.Generator
    sums: StepSums | None = None
    trajectory: Recorded | None = None
    gradients: Gradients | None = None
    share: Literal["output"] | None = None
    series: LossSeries | None = None
    attribution: Mapping[str, Attribution] | None = None

    def __post_init__(self) -> None:
        check_generator(self.rng, needed=True)
        if self.share not in (None, "output"):
            raise ConfigurationError(
                "scores are of parameters (share=None) or of units of the first axis "
                f"(share='output'); got {self.share!r}"
            )
        shapes = self.masks.shapes
        for what, arrays in (("weights", self.weights), ("collected weights", self.collected)):
            found = {name: np.shape(array) for name, array in arrays.items()}
            if found != shapes:
                raise ConfigurationError(
                    f"masks and {what} must have the same layers in the same order and shapes; "
                    f"got {shapes} and {found}"
                )

    @property
    def entries(self) -> Masks:
        """What was kept until now of the entries that are scored: of parameters, or of units."""
        return self.masks if self.share is None else units_of(self.masks)

    def of_entries(self, scores: Mapping[str, Array]) -> dict[str, Array]:
        """Return scores of parameters as they are asked for.

        Parameters
        ----------
        scores : mapping of str to ndarray
            By layer, in its shape.

        Returns
        -------
        dict of str to ndarray
            Of the layers that are to be pruned: zero where a parameter was pruned; summed over
            each unit where units are asked for.

        Raises
        ------
        ConfigurationError
            If a layer that is to be pruned has none.
        """
        if missing := [name for name in self.masks.kept if name not in scores]:
            raise ConfigurationError(
                f"every layer that is to be pruned needs scores; {missing[0]!r} has none, there "
                f"are {', '.join(scores)}"
            )
        kept = {name: np.where(mask, scores[name], 0.0) for name, mask in self.masks.kept.items()}
        return kept if self.share is None else sum_units(kept)

    def require_sums(self, name: str) -> StepSums:
        """Return the sums, or say that the criterion of this name needs them."""
        if self.sums is None:
            raise ConfigurationError(
                f"the criterion {name!r} needs sums of the collecting stage: give them (sums=)"
            )
        return self.sums

    def require_trajectory(self, name: str) -> Recorded:
        """Return the trajectory, or say that the criterion of this name needs it."""
        if self.trajectory is None:
            raise ConfigurationError(
                f"the criterion {name!r} needs the trajectory of the collecting stage: record it, "
                "and give the store (trajectory=)"
            )
        return self.trajectory

    def require_series(self, name: str) -> LossSeries:
        """Return the series of the loss, or say that the criterion of this name needs them."""
        if self.series is None:
            raise ConfigurationError(
                f"the criterion {name!r} needs series of the loss of every collecting step: "
                "record them, and give them (series=)"
            )
        for layer, mask in self.masks.kept.items():
            held = self.series.layers.get(layer)
            if held is None or held.sums.squares.shape[-1] != mask.size:
                raise ConfigurationError(
                    f"the series need sums of the {mask.size} parameters of layer {layer!r}; "
                    f"there are {', '.join(self.series.layers)}"
                )
        return self.series

    def require_attribution(self, name: str, part: Part) -> Mapping[str, Attribution]:
        """Return what each parameter's movement did, or say what the criterion of this name needs.

        Series hold it too, where they were recorded with it.
        """
        found: Mapping[str, Attribution | None] | None = self.attribution
        if found is None and self.series is not None:
            layers = self.require_series(name).layers
            found = {layer: held.attribution for layer, held in layers.items()}
        given = {} if found is None else found
        checked: dict[str, Attribution] = {}
        for layer, mask in self.masks.kept.items():
            held = given.get(layer)
            if held is None or getattr(held, part) is None:
                raise ConfigurationError(
                    f"the criterion {name!r} needs {GRADIENTS[part]} every step, and there are "
                    f"none of layer {layer!r}: record them, and give their sums {part!r} "
                    "(attribution=)"
                )
            if held.moved.shape[-1] != mask.size:
                raise ConfigurationError(
                    f"the attribution of layer {layer!r} is of {held.moved.shape[-1]} parameters; "
                    f"its mask has {mask.size}"
                )
            checked[layer] = held
        return checked

    def require_gradients(self, name: str) -> Gradients:
        """Return what yields gradients, or say that the criterion of this name needs it."""
        if self.gradients is None:
            raise ConfigurationError(
                f"the criterion {name!r} needs gradients of minibatches: give what yields them "
                "(gradients=)"
            )
        return self.gradients
