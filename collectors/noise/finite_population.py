"""The covariance of the minibatch gradient that training sees, from that of one example."""

from __future__ import annotations

from causalhyper.errors import ConfigurationError


def minibatch_noise(
    covariance_trace: float, batch_size: int, examples: int, *, replacement: bool = False
) -> float:
    r"""Trace of the covariance of a minibatch gradient.

    .. math:: E\,|g_B - g|^2 = \frac{\mathrm{tr}\,S}{B} \Bigl(1 - \frac{B}{n}\Bigr)
              \quad\mathrm{or, with\ replacement,}\quad
              \frac{\mathrm{tr}\,S}{B} \Bigl(1 - \frac{1}{n}\Bigr)

    Parameters
    ----------
    covariance_trace : float
        ``tr S`` of the per-example gradients, divisor n - 1.
    batch_size : int
        B, the examples of a minibatch.
    examples : int
        n, the size of the training set; the factor 1 - B / n is the finite-population
        correction, so a full batch has no noise.
    replacement : bool
        Whether a batch is B independent draws, so that an example may come twice and B may
        exceed n. The factor is then 1 - 1 / n, which turns the divisor n - 1 of ``tr S`` into n.

    Returns
    -------
    float
        In squared units of a gradient: the exact mean of ``|g_B - g|^2`` over all batches of B
        from the n examples; NaN where `covariance_trace` is.

    Raises
    ------
    ConfigurationError
        If the batch is empty, or without replacement larger than the training set.

    Notes
    -----
    No gradient evaluated. The batches of one shuffled epoch are each drawn without replacement,
    but are disjoint, so their deviations sum to zero: their sample covariance (divisor one less
    than their number) has the mean ``tr S / B``, without the factor.

    Source: Cochran 1977, Sampling Techniques, theorem 2.2 (without replacement), section 2.3
    (with).

    Examples
    --------
    >>> minibatch_noise(8.0, 4, 8)
    1.0
    >>> minibatch_noise(8.0, 4, 8, replacement=True)
    1.75
    """
    if replacement:
        if batch_size < 1 or examples < 1:
            raise ConfigurationError(
                f"expected a batch and a training set of at least 1; got {batch_size} and "
                f"{examples}"
            )
        return covariance_trace / batch_size * (1 - 1 / examples)
    if not 1 <= batch_size <= examples:
        raise ConfigurationError(
            f"the batch size must lie from 1 to {examples}, the training set; got {batch_size}"
        )
    return covariance_trace / batch_size * (1 - batch_size / examples)
