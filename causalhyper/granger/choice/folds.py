"""Blocks of steps to be predicted, and the steps that a fit may learn from; never shuffled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from causalhyper.arrays import Codes
from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.arguments import check_whole

Scheme = Literal["forward", "left_out"]
"""Learn from the steps before a block only, or from those before and after."""
Folds = Sequence[tuple[Codes, Codes]]
"""Rows to learn from and rows to predict, each increasing."""
LEAST = 2
"""Steps that a fit learns from at least."""


def blocked_folds(rows: int, count: int, *, scheme: Scheme = "forward", gap: int = 0) -> Folds:
    """Cut steps into contiguous blocks, each to be predicted from other steps.

    Steps are serially dependent: a fit that has seen the steps on both sides of one knows much
    of it. So blocks stay whole.

    Parameters
    ----------
    rows : int
        T.
    count : int
        Blocks to be predicted; at least 2.
    scheme : {"forward", "left_out"}
        "forward": the last ``count`` of ``count + 1`` blocks, each from all steps before it.
        "left_out": ``count`` blocks, each from all others.
    gap : int
        Steps beside a predicted block that are left out of the fit.

    Returns
    -------
    sequence of tuple of ndarray
        Rows to learn from and rows to predict, in time.

    Raises
    ------
    ConfigurationError
        If a block would be empty or its fit had fewer than 2 steps.

    Examples
    --------
    >>> [(list(map(int, a)), list(map(int, b))) for a, b in blocked_folds(7, 2, gap=1)]
    [([0, 1], [3, 4]), ([0, 1, 2, 3], [5, 6])]
    """
    check_whole(rows=rows, count=count, gap=gap)
    if count < 2 or gap < 0 or scheme not in ("forward", "left_out"):
        raise ConfigurationError(
            "expected 2 blocks at least, a gap of 0 or more steps and the scheme 'forward' or "
            f"'left_out'; got {count}, {gap} and {scheme!r}"
        )
    steps = np.arange(rows)
    if scheme == "forward":
        size = rows // (count + 1)
        blocks = [
            steps[end - size : end]
            for end in range(rows - (count - 1) * size, rows + 1, size or 1)
        ]
    else:
        blocks = list(np.array_split(steps, count))
    folds = []
    for block in blocks:
        first, end = (int(block[0]), int(block[-1]) + 1) if len(block) else (0, 0)
        after = scheme == "left_out"
        learn = steps[(steps < first - gap) | (after & (steps >= end + gap))]
        if not len(block) or len(learn) < LEAST:
            raise ConfigurationError(
                f"{rows} steps cannot be cut into {count} blocks with a gap of {gap}: the fit of "
                f"one would have {len(learn)} steps; use fewer blocks or a smaller gap"
            )
        folds.append((learn, block))
    return folds
