"""What a pruning criterion is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from causalhyper.arrays import Array
from causalhyper.granger.criteria.attribution import Part
from causalhyper.granger.criteria.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Needs:
    """What has to be recorded for a criterion while parameters are collected.

    Attributes
    ----------
    sums : bool
        Streaming sums of every step: a few numbers a parameter.
    trajectory : bool
        Every step's changes, in a store.
    gradients : int
        Minibatch gradients that are computed after collecting; 0 for none.
    response : {"same", "next"}
        Of the sums: loss change on the step's own minibatch, or from one minibatch to the next.
    momentum : bool
        Steps with momentum, and three features a parameter in the sums.
    lags : tuple of int
        Steps by which the sums shift the loss behind the changes, beside 0.
    series : bool
        Series of the loss in every step, with sums of them (`LossSeries`).
    attribution : tuple of {"turned", "fresh"}
        Parts of an `Attribution` of every step, from gradients around it: each costs a backward
        pass a step, ``"turned"`` on the step's own minibatch after it, ``"fresh"`` on a minibatch
        that did not choose it.
    """

    sums: bool = False
    trajectory: bool = False
    gradients: int = 0
    response: Literal["same", "next"] = "same"
    momentum: bool = False
    lags: tuple[int, ...] = ()
    series: bool = False
    attribution: tuple[Part, ...] = ()


@runtime_checkable
class Criterion(Protocol):
    """A rule that ranks the parameters of a network for pruning.

    Attributes
    ----------
    name : str
        In tables and reports.
    needs : Needs
        What it has to be given.

    Examples
    --------
    A criterion of one's own is a frozen dataclass with two fields and a method:

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from causalhyper.granger.criteria import Evidence, Needs
    >>> @dataclass(frozen=True)
    ... class Displacement:
    ...     name: str = "displacement"
    ...     needs: Needs = Needs(sums=True)
    ...
    ...     def scores(self, evidence):
    ...         layers = evidence.require_sums(self.name).layers
    ...         far = {s.name: np.abs(s.displacement).reshape(s.shape) for s in layers}
    ...         return evidence.of_entries(far)

    `Evidence.of_entries` leaves out what is pruned already and layers that are not to be pruned,
    and sums over units where these are asked for. ``allocate(own.scores(evidence), sparsity=0.9,
    within=evidence.entries)`` makes masks of the scores.
    """

    @property
    def name(self) -> str:
        """Name in tables and reports."""
        ...

    @property
    def needs(self) -> Needs:
        """What it has to be given."""
        ...

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Rank the parameters of every layer.

        Parameters
        ----------
        evidence : Evidence

        Returns
        -------
        dict of str to ndarray
            By layer, finite and not negative: the larger, the sooner it is kept. In the shape of
            the layer; of shape (units,) where the evidence asks for units.
            Zero says that the criterion finds no influence; where no sparsity is asked for, such
            parameters are pruned.
        """
        ...
