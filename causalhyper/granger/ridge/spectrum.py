"""Ridge fits for many penalties at once, from the eigenvectors of a T x T matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """A ridge problem in the coordinates of its rows.

    Attributes
    ----------
    given : ndarray, shape (T, r)
        Orthonormal columns that are not penalised.
    response : ndarray, shape (T,)
        Without its part along `given`.
    vectors : ndarray, shape (T, T)
        Eigenvectors of the Gram matrix without its part along `given`.
    values : ndarray, shape (T,)
        Its eigenvalues, none below zero.
    """

    given: Array
    response: Array
    vectors: Array
    values: Array

    @property
    def rows(self) -> int:
        """T."""
        return len(self.response)

    def shrinkage(self, lambdas: Array) -> Array:
        """Share of each direction that a fit keeps, shape (T, L)."""
        values = self.values[:, None]
        return np.asarray(values / (values + self.rows * lambdas))

    def fitted(self, lambdas: Array) -> Array:
        """Fits of the response without its part along `given`, shape (T, L)."""
        inside = self.vectors.T @ self.response
        return np.asarray(self.vectors @ (self.shrinkage(lambdas) * inside[:, None]))

    def dual(self, lambdas: Array) -> Array:
        """Weights of the rows, shape (T, L): coefficients are X' times these."""
        inside = self.vectors.T @ self.response
        shares = 1 / (self.values[:, None] + self.rows * lambdas)
        found = self.vectors @ (shares * inside[:, None])
        return np.asarray(found - self.given @ (self.given.T @ found))

    def degrees(self, lambdas: Array) -> Array:
        """Degrees of freedom of the fits, those of `given` counted, shape (L,)."""
        return np.asarray(self.shrinkage(lambdas).sum(axis=0) + self.given.shape[1])

    def generalised_error(self, lambdas: Array) -> Array:
        """Generalised cross-validation (Golub, Heath and Wahba 1979), shape (L,)."""
        left = self.response[:, None] - self.fitted(lambdas)
        free = 1 - self.degrees(lambdas) / self.rows
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.mean(left**2, axis=0) / free**2
        return np.where(free > 1e-8, error, np.inf)


def spectrum_of(gram: Array, y: Array, given: Array) -> Spectrum:
    """Take what is not penalised out of a ridge problem, and decompose the rest.

    Parameters
    ----------
    gram : ndarray, shape (T, T)
        X X'.
    y : ndarray, shape (T,)
    given : ndarray, shape (T, r)
        Columns that are not penalised, such as ones; may be dependent.

    Returns
    -------
    Spectrum
    """
    basis = orthonormal(given)
    half = gram - basis @ (basis.T @ gram)
    inner = half - (half @ basis) @ basis.T
    values, vectors = np.linalg.eigh((inner + inner.T) / 2)
    least = len(y) * np.finfo(float).eps * max(values[-1], 0.0)
    values = np.where(values > least, values, 0.0)
    return Spectrum(basis, y - basis @ (basis.T @ y), vectors, values)


def orthonormal(columns: Array) -> Array:
    """Return an orthonormal basis of columns of any units.

    Parameters
    ----------
    columns : ndarray, shape (T, r)

    Returns
    -------
    ndarray, shape (T, at most r)
    """
    if not columns.shape[1]:
        return columns
    lengths = np.linalg.norm(columns, axis=0)
    scaled = columns / np.where(lengths > 0, lengths, 1.0)
    left, sizes, _ = np.linalg.svd(scaled, full_matrices=False)
    return np.asarray(left[:, sizes > 1e-10 * sizes.max(initial=0.0)])


def predicted(
    gram: Array, y: Array, given: Array, learn: Codes, ahead: Codes, lambdas: Array
) -> Array:
    """Predict rows from a fit to others.

    Parameters
    ----------
    gram : ndarray, shape (T, T)
        X X' of all rows.
    y : ndarray, shape (T,) or (T, B)
        Responses; the decomposition is shared by all.
    given : ndarray, shape (T, r)
        Columns that are not penalised.
    learn, ahead : ndarray of int
        Rows of the fit, and rows to be predicted.
    lambdas : ndarray, shape (L,)
        Above zero; infinity is the fit of `given` alone.

    Returns
    -------
    ndarray, shape (L, len(ahead)) or (L, len(ahead), B)
    """
    fit = spectrum_of(gram[np.ix_(learn, learn)], y[learn], given[learn])
    lengths = np.linalg.norm(given[learn], axis=0)
    scaled = given / np.where(lengths > 0, lengths, 1.0)
    base = scaled[ahead] @ np.linalg.pinv(scaled[learn], rcond=1e-10)
    across = gram[np.ix_(ahead, learn)] - base @ gram[np.ix_(learn, learn)]
    across = (across - (across @ fit.given) @ fit.given.T) @ fit.vectors
    inside = fit.vectors.T @ fit.response
    start = base @ y[learn]
    shares = 1 / (fit.values + fit.rows * lambdas[:, None])
    return np.stack([start + (across * share) @ inside for share in shares])
