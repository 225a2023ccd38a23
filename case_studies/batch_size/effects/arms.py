"""The arms: sharpness-aware minimisation, noisy labels, and gradient noise itself set by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from case_studies.batch_size.effects.contrasts import Contrast, Setting, compare
from case_studies.batch_size.runs import BATCH_SIZES, LARGE, SMALL

DESIGNS = ("equal_epochs", "equal_updates")
"""Protocols under which the arms were run."""
MIDDLE = 64
"""The other batch size whose noise was added at 512."""
NOISE_FEW = f"noise of {SMALL} - noise of {LARGE}, updates of {LARGE}"
NOISE_MANY = f"noise of {SMALL} - noise of {LARGE}, updates of {SMALL}"
NOISE_MATCHED = f"noise of {SMALL} - noise of {LARGE}, same updates"
UPDATES_NOISY = f"updates of {SMALL} - updates of {LARGE}, noise of {SMALL}"
UPDATES_QUIET = f"updates of {SMALL} - updates of {LARGE}, noise of {LARGE}"
UPDATES_LESS_NOISE = "effect of updates less effect of noise"
BEYOND_TRACE = f"B = {SMALL} - B = {LARGE} with its noise added, same updates"


def sam_contrasts() -> list[Contrast]:
    """What SAM adds at each B, and whether B = 512 with SAM reaches B = 16 without."""
    found = []
    for d in DESIGNS:
        found += [
            Contrast(f"SAM - plain at {b}", Setting(d, b, "sam"), Setting(d, b))
            for b in BATCH_SIZES
        ]
        with_sam = Setting(d, SMALL, "sam"), Setting(d, LARGE, "sam")
        plain = Setting(d, SMALL), Setting(d, LARGE)
        found += [
            Contrast(f"SAM at {LARGE} - plain at {SMALL}", with_sam[1], plain[0]),
            Contrast(f"{SMALL} - {LARGE} with SAM", *with_sam),
            Contrast(f"{SMALL} - {LARGE}: with SAM less without", *with_sam, less=plain),
        ]
    return found


def label_contrasts() -> list[Contrast]:
    """The effect of B where a fifth of the labels are wrong, and less that where none are."""
    found = []
    for d in DESIGNS:
        noisy = Setting(d, SMALL, "label_noise"), Setting(d, LARGE, "label_noise")
        plain = Setting(d, SMALL), Setting(d, LARGE)
        found += [
            Contrast(f"{SMALL} - {LARGE} under label noise", *noisy),
            Contrast(f"{SMALL} - {LARGE}: label noise less none", *noisy, less=plain),
        ]
    return found


def noise_contrasts() -> list[Contrast]:
    """do(N) at fixed updates, do(U) at fixed noise, and their interaction.

    With equal epochs the four settings are a 2 x 2 of noise (that of 16 or 512) and number of
    updates (that of 16 or 512). With equal updates only noise differs: there added noise has the
    trace of B = 16's at the same number of updates, so that what is left between the two is
    everything about the noise beyond its trace. (Noise removed at equal updates is B = 512 itself
    and so no contrast.)
    """
    return [*_crossed("equal_epochs"), *_matched("equal_updates")]


def _crossed(d: str) -> list[Contrast]:
    small, large = Setting(d, SMALL), Setting(d, LARGE)
    added = Setting(d, LARGE, "noise_added", SMALL)
    removed = Setting(d, SMALL, "noise_removed", LARGE)
    middle = Setting(d, LARGE, "noise_added", MIDDLE)
    return [
        Contrast(NOISE_FEW, added, large),
        Contrast(NOISE_MANY, small, removed),
        Contrast(f"noise of {MIDDLE} - noise of {LARGE}, updates of {LARGE}", middle, large),
        Contrast(UPDATES_NOISY, small, added),
        Contrast(UPDATES_QUIET, removed, large),
        Contrast("noise x updates", small, removed, less=(added, large)),
        # half of both effects of the updates less half of both of the noise
        Contrast(UPDATES_LESS_NOISE, removed, added),
    ]


def _matched(d: str) -> list[Contrast]:
    small, large = Setting(d, SMALL), Setting(d, LARGE)
    added, middle = (Setting(d, LARGE, "noise_added", b) for b in (SMALL, MIDDLE))
    return [
        Contrast(NOISE_MATCHED, added, large),
        Contrast(f"noise of {MIDDLE} - noise of {LARGE}, same updates", middle, large),
        Contrast(BEYOND_TRACE, small, added),
    ]


NAMES = {
    "sam": sam_contrasts,
    "label_noise": label_contrasts,
    "noise": noise_contrasts,
}


def arm_tables(runs: pd.DataFrame, outcome: str = "test_accuracy") -> dict[str, pd.DataFrame]:
    """The contrasts of every arm in every cell in which it was run.

    Parameters
    ----------
    runs : DataFrame
        All arms.
    outcome : str

    Returns
    -------
    dict of str to DataFrame
        By "sam", "label_noise" and "noise"; columns of `compare`.
    """
    return {name: compare(runs, make(), outcome) for name, make in NAMES.items()}


def trace_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Whether the noise set by hand was what was meant: measured noise of both settings, log10.

    Returns
    -------
    DataFrame
        Columns of `compare` for log10 of `grad_noise`: added noise less B = 16's own, and
        removed noise less B = 512's own; 0 where the intervention did what it says.
    """
    log = runs.assign(log10_grad_noise=np.log10(runs["grad_noise"].where(runs["grad_noise"] > 0)))
    found = []
    for d in DESIGNS:
        added = Setting(d, LARGE, "noise_added", SMALL)
        removed = Setting(d, SMALL, "noise_removed", LARGE)
        found += [
            Contrast(f"noise added at {LARGE} less that of {SMALL}", added, Setting(d, SMALL)),
            Contrast(f"noise left at {SMALL} less that of {LARGE}", removed, Setting(d, LARGE)),
        ]
    return compare(log, found, "log10_grad_noise")
