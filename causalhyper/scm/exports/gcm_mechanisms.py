"""Fitted mechanisms in the form that dowhy's graphical causal models call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms import TermSpace


@dataclass(slots=True)
class TermRegression:
    """Head = intercept of the context + sum of terms, as a prediction model of dowhy's gcm.

    gcm changes a model where it fits it, so this one can be changed.

    Attributes
    ----------
    space : TermSpace
    places : tuple of int
        Columns of X that hold the inputs of `space`.
    context : int or None
        Column of X that holds the context's number; None where there is a single context.
    coefs : ndarray, shape (k,), or None
        Coefficients of the terms; None before a fit.
    effects : ndarray, shape (contexts,)
        Intercept of each context.
    """

    space: TermSpace
    places: tuple[int, ...]
    context: int | None
    coefs: Array | None
    effects: Array

    def predict(self, X: Array) -> Array:
        """Return the fitted means, shape (n, 1), at parents of shape (n, columns)."""
        if self.coefs is None:
            raise ConfigurationError("the mechanism is a clone that is not fitted: fit it first")
        X = np.asarray(X, dtype=np.float64)
        means: Array = self._columns(X) @ self.coefs + self.effects[self._codes(X)]
        return means[:, None]

    def fit(self, X: Array, Y: Array) -> None:
        """Least squares in the same bases: on the model's own runs it changes nothing."""
        X = np.asarray(X, dtype=np.float64)
        indicators = np.eye(len(self.effects))[self._codes(X)]
        design = np.column_stack([self._columns(X), indicators])
        response = np.asarray(Y, dtype=np.float64).ravel()
        solved = np.asarray(np.linalg.lstsq(design, response)[0], dtype=np.float64)
        self.coefs, self.effects = solved[: self.space.size], solved[self.space.size :]

    def clone(self) -> TermRegression:
        """Return the same terms, not fitted."""
        nothing = np.full_like(self.effects, np.nan)
        return TermRegression(self.space, self.places, self.context, None, nothing)

    def _columns(self, X: Array) -> Array:
        return self.space.columns([X[:, i] for i in self.places])

    def _codes(self, X: Array) -> Codes:
        if self.context is None:
            return np.zeros(len(X), dtype=np.intp)
        return read_codes(X[:, self.context], len(self.effects))


class ContextRoot:
    """A root drawn from the runs of its context, as an invertible mechanism of dowhy's gcm.

    The noise is the rank within the context, uniform on [0, 1]; the value is the quantile of
    the context's runs at that rank.

    Parameters
    ----------
    uniform : stochastic model of dowhy's gcm
        The uniform distribution on [0, 1].
    count : int
        Number of contexts.
    """

    def __init__(self, uniform: object, count: int) -> None:
        self.uniform = uniform
        self.count = count
        self.samples: list[Array] = []

    def fit(self, X: Array, Y: Array) -> None:
        """Take the values of each context; each needs a run."""
        codes = read_codes(np.ravel(X), self.count)
        values = np.asarray(Y, dtype=np.float64).ravel()
        self.samples = [np.sort(values[codes == c]) for c in range(self.count)]

    def draw_noise_samples(self, num_samples: int) -> Array:
        """Draw ranks, shape (n, 1)."""
        drawn: Array = self.uniform.draw_samples(num_samples)  # type: ignore[attr-defined]
        return drawn

    def draw_samples(self, parent_samples: Array) -> Array:
        """Draw values given contexts, shape (n, 1)."""
        return self.evaluate(parent_samples, self.draw_noise_samples(len(parent_samples)))

    def evaluate(self, parent_samples: Array, noise_samples: Array) -> Array:
        """Return the values at some ranks in some contexts, shape (n, 1)."""
        codes, ranks = read_codes(np.ravel(parent_samples), self.count), np.ravel(noise_samples)
        values = np.empty(len(codes))
        for code in np.unique(codes):
            sample, here = self._sample(int(code)), codes == code
            place = np.minimum((ranks[here] * len(sample)).astype(np.intp), len(sample) - 1)
            values[here] = sample[place]
        return values[:, None]

    def estimate_noise(self, target_samples: Array, parent_samples: Array) -> Array:
        """Return the middle rank of observed values in their contexts, shape (n, 1)."""
        codes, values = read_codes(np.ravel(parent_samples), self.count), np.ravel(target_samples)
        ranks = np.empty(len(codes))
        for code in np.unique(codes):
            sample, here = self._sample(int(code)), codes == code
            low = np.searchsorted(sample, values[here], side="left")
            high = np.searchsorted(sample, values[here], side="right")
            if (low == high).any():
                raise ConfigurationError(
                    f"{values[here][low == high][0]:g} is no value of a run of context {code}: a "
                    "root with contexts has the values of its runs only"
                )
            ranks[here] = (low + high) / (2 * len(sample))
        return ranks[:, None]

    def clone(self) -> ContextRoot:
        """Return the same, not fitted."""
        return type(self)(self.uniform, self.count)

    def _sample(self, code: int) -> Array:
        if not self.samples or not len(self.samples[code]):
            raise ConfigurationError(f"no run of context {code} was fitted")
        return self.samples[code]


def read_codes(values: Array, count: int) -> Codes:
    """Read the numbers of contexts.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Whole numbers.
    count : int
        Number of contexts.

    Returns
    -------
    ndarray of int, shape (n,)
        The same as codes.

    Raises
    ------
    ConfigurationError
        If one is not in 0..count - 1.

    Examples
    --------
    >>> read_codes(np.array([1.0, 0.0]), 2)
    array([1, 0])
    """
    codes = np.asarray(values, dtype=np.float64).astype(np.intp)
    if (wrong := (codes != values) | (codes < 0) | (codes >= count)).any():
        raise ConfigurationError(
            f"{values[wrong][0]:g} is no context: expected a whole number from 0 to {count - 1}"
        )
    return codes
