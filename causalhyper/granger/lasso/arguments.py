"""Arguments of a call: of the type that is meant, or refused by name."""

from __future__ import annotations

from collections.abc import Callable, Collection
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError


def check_whole(**given: object) -> None:
    """Refuse what is no whole number; True and False are none.

    Parameters
    ----------
    **given
        Values by the names of the arguments.

    Raises
    ------
    ConfigurationError
        If one is of another type; the message names it.

    Examples
    --------
    >>> check_whole(folds=5, gap=np.int64(0))
    """
    _check("a whole number", lambda value: isinstance(value, Integral) and _counts(value), given)


def check_real(**given: object) -> None:
    """Refuse what is no real number; True and False are none.

    Parameters
    ----------
    **given
        Values by the names of the arguments.

    Raises
    ------
    ConfigurationError
        If one is of another type; the message names it.

    Examples
    --------
    >>> check_real(ratio=np.float32(0.5), tolerance=1)
    """
    _check("a number", _is_real, given)


def check_flags(**given: object) -> None:
    """Refuse what is neither True nor False: a text such as "no" would count as True.

    Parameters
    ----------
    **given
        Values by the names of the arguments.

    Raises
    ------
    ConfigurationError
        If one is of another type; the message names it.

    Examples
    --------
    >>> check_flags(intercept=True, standardise=np.False_)
    """
    _check("True or False", lambda value: isinstance(value, bool | np.bool_), given)


def check_generator(rng: object, *, needed: bool = False) -> None:
    """Refuse what is neither a Generator of numpy nor None.

    Parameters
    ----------
    rng : object
    needed : bool
        Whether None is refused too.

    Raises
    ------
    ConfigurationError
        If it is something else, such as a seed.

    Examples
    --------
    >>> check_generator(np.random.default_rng(0))
    """
    if (rng is not None or needed) and not isinstance(rng, np.random.Generator):
        raise ConfigurationError(
            f"rng must be a Generator such as numpy.random.default_rng(0); got {rng!r:.60}"
        )


def check_progress(progress: object) -> None:
    """Refuse what can be told nothing.

    Parameters
    ----------
    progress : object

    Raises
    ------
    ConfigurationError
        If it is neither a function nor None.

    Examples
    --------
    >>> check_progress([].append)
    """
    if progress is not None and not callable(progress):
        raise ConfigurationError(
            f"progress must be a function of the share of the work done; got {progress!r:.60}"
        )


def check_names(layers: object) -> None:
    """Refuse what is neither a name nor some.

    Parameters
    ----------
    layers : object

    Raises
    ------
    ConfigurationError
        If it is something else.

    Examples
    --------
    >>> check_names(["conv.weight", "fc*"])
    """
    names = layers if isinstance(layers, Collection) else [layers]
    if not all(isinstance(name, str) for name in names):
        raise ConfigurationError(f"expected names of layers, or patterns; got {layers!r:.60}")


def real_numbers(name: str, values: ArrayLike) -> Array:
    """Return an array in float64, or say that it holds no real numbers.

    Parameters
    ----------
    name : str
        Of the argument.
    values : array_like

    Returns
    -------
    ndarray

    Raises
    ------
    ConfigurationError
        If they are texts, flags, of several lengths, or otherwise no numbers.

    Examples
    --------
    >>> real_numbers("lambdas", [1, 2]).tolist()
    [1.0, 2.0]
    """
    try:
        found = np.asarray(values)
    except (TypeError, ValueError, RuntimeError):  # lists of several lengths, live tensors
        found = np.empty(0, object)
    if found.dtype.kind not in "iuf":
        raise ConfigurationError(f"{name} must be real numbers; got {values!r:.60}")
    return found.astype(np.float64)


def _check(what: str, fits: Callable[[object], bool], given: dict[str, object]) -> None:
    for name, value in given.items():
        if not fits(value):
            raise ConfigurationError(f"{name} must be {what}; got {value!r:.60}")


def _counts(value: object) -> bool:
    return not isinstance(value, bool | np.bool_)


def _is_real(value: object) -> bool:
    return isinstance(value, Real) and _counts(value)
