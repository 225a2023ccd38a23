"""How much selections agree with each other."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError


def jaccard(first: Codes, second: Codes) -> float:
    """Return the share of the columns in either selection that are in both.

    Parameters
    ----------
    first, second : ndarray of int
        Columns, none twice.

    Returns
    -------
    float
        NaN where both are empty.

    Examples
    --------
    >>> jaccard(np.array([1, 2, 3]), np.array([2, 3, 4]))
    0.5
    """
    both = len(np.intersect1d(first, second, assume_unique=True))
    either = len(first) + len(second) - both
    return both / either if either else float("nan")


def stability_index(counts: Codes, selections: int, width: int) -> float:
    r"""Return how stable selections are, corrected for what chance agrees on.

    .. math:: 1 - \frac{\frac1p \sum_j \frac{M}{M-1} \hat p_j (1 - \hat p_j)}
        {\frac{\bar k}{p} (1 - \frac{\bar k}{p})}

    with :math:`\hat p_j` the frequency of column j in M selections of :math:`\bar k` columns in
    the mean. It is one where all are the same, and zero in expectation where each draws its
    columns at random.

    Parameters
    ----------
    counts : ndarray of int
        How often each column is selected; columns that never are may be left out.
    selections : int
        M, 2 at least.
    width : int
        p.

    Returns
    -------
    float
        At most 1; NaN where no column or every column is always selected.

    Raises
    ------
    ConfigurationError
        If there are fewer than two selections, or more columns than p.

    Notes
    -----
    Halves of one training share steps or are complements, so the interval that the source gives
    for independent samples does not hold, and none is given.

    Source: Nogueira, Sechidis and Brown 2018, definition 4.

    Examples
    --------
    >>> [round(stability_index(np.array(c), 2, 10), 3) for c in ([2, 2], [1, 1, 2])]
    [1.0, 0.375]
    """
    if selections < 2 or len(counts) > width:
        raise ConfigurationError(
            f"expected 2 selections at least among p columns; got {selections} of {width} with "
            f"counts of {len(counts)}"
        )
    shares: Array = np.asarray(counts) / selections
    mean = float(shares.sum()) / width
    if not 0 < mean < 1:
        return float("nan")
    variance = selections / (selections - 1) * float((shares * (1 - shares)).sum()) / width
    return 1 - variance / (mean * (1 - mean))
