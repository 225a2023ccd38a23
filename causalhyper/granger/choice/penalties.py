"""The penalties that a path is known for, by name, so that every choice works with every one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, TypedDict

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.arguments import check_progress, check_real
from causalhyper.granger.lasso.columns import ColumnBlocks
from causalhyper.granger.lasso.elastic_net import elastic_net_path
from causalhyper.granger.lasso.group_lasso import group_lasso_path
from causalhyper.granger.lasso.path import lasso_path
from causalhyper.granger.lasso.result import LassoPath
from causalhyper.progress import Progress

Groups = int | Sequence[int]
"""Columns a group, or the increasing edges of the groups."""


class PathOptions(TypedDict, total=False):
    """Keywords of a path function; see `lasso_path`."""

    lambdas: Sequence[float] | int
    ratio: float
    standardise: bool
    intercept: bool
    tolerance: float
    max_passes: int
    progress: Progress | None


class PathFunction(Protocol):
    """What fits a path of penalties."""

    def __call__(
        self,
        columns: ColumnBlocks,
        y: Array,
        *,
        lambdas: Sequence[float] | int = ...,
        ratio: float = ...,
        standardise: bool = ...,
        intercept: bool = ...,
        tolerance: float = ...,
        max_passes: int = ...,
        progress: Progress | None = ...,
    ) -> LassoPath:
        """Fit."""
        ...


@dataclass(frozen=True, slots=True)
class Penalty:
    """A penalty, and what fits it.

    Attributes
    ----------
    name : str
        For people.
    path : callable
        Fits a path, with the keywords of `lasso_path`.
    bounded : bool
        Whether a fit keeps at most min(T, p) columns, one a step.
    """

    name: str
    path: PathFunction
    bounded: bool


LASSO = Penalty("lasso", lasso_path, bounded=True)


@dataclass(frozen=True, slots=True)
class PenaltySettings:
    """What a penalty may need to know.

    Attributes
    ----------
    l1_ratio : float
        Share of the l1 norm in an elastic net, in (0, 1].
    groups : int, sequence of int or None
        Columns a group, or edges of the groups, of a group lasso.

    Raises
    ------
    ConfigurationError
        If the share is none.
    """

    l1_ratio: float = 0.5
    groups: Groups | None = None

    def __post_init__(self) -> None:
        check_real(l1_ratio=self.l1_ratio)
        if not 0 < self.l1_ratio <= 1:
            raise ConfigurationError(f"l1_ratio lies in (0, 1]; got {self.l1_ratio:g}")


def _elastic_net(settings: PenaltySettings) -> Penalty:
    path = partial(elastic_net_path, l1_ratio=settings.l1_ratio)
    return Penalty("elastic net", path, bounded=settings.l1_ratio == 1)


def _group_lasso(settings: PenaltySettings) -> Penalty:
    if settings.groups is None:
        raise ConfigurationError(
            "a group lasso needs groups: how many columns a group has, or the edges of the groups"
        )
    return Penalty("group lasso", partial(group_lasso_path, groups=settings.groups), bounded=False)


PENALTIES: dict[str, Callable[[PenaltySettings], Penalty]] = {
    "lasso": lambda _: LASSO,
    "elastic_net": _elastic_net,
    "group_lasso": _group_lasso,
}
"""By name, what makes a penalty of its settings."""


def penalty_named(name: str, settings: PenaltySettings | None = None) -> Penalty:
    """Find a penalty by its name.

    Parameters
    ----------
    name : str
        A key of `PENALTIES`.
    settings : PenaltySettings, optional

    Returns
    -------
    Penalty

    Raises
    ------
    ConfigurationError
        If there is none of that name, or the settings are none.

    Examples
    --------
    >>> penalty_named("lasso").bounded
    True
    """
    if not isinstance(name, str) or name not in PENALTIES:
        raise ConfigurationError(f"no penalty {name!r}: expected one of {', '.join(PENALTIES)}")
    given = PenaltySettings() if settings is None else settings
    if not isinstance(given, PenaltySettings):
        raise ConfigurationError(f"settings must be PenaltySettings; got {given!r:.60}")
    return PENALTIES[name](given)


def check_penalty(
    penalty: object, options: PathOptions, *, paths: Literal["one", "several"]
) -> None:
    """Refuse what a choice cannot fit by.

    Parameters
    ----------
    penalty : object
        What was given as a `Penalty`.
    options : PathOptions
        Keywords of the path.
    paths : {"one", "several"}
        How many paths the choice fits. A checkpoint is of one, so that an interrupted choice of
        several would find the file of another problem.

    Raises
    ------
    ConfigurationError
        If it is no penalty, or several paths would share a checkpoint.
    """
    if not isinstance(penalty, Penalty):
        raise ConfigurationError(
            f"expected a Penalty, such as penalty_named('lasso'); got {penalty!r}"
        )
    check_progress(options.get("progress"))
    if paths == "several" and "checkpoint" in options:
        raise ConfigurationError(
            "this choice fits several paths, and a checkpoint is of one: leave out checkpoint, or "
            "use choose_given, choose_by_ebic or lasso_path"
        )
