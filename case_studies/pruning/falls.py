"""Pictures of how accuracy falls with the share pruned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from case_studies.pruning.further import CHANCE, drawn_methods
from case_studies.pruning.methods import DENSE
from case_studies.pruning.study import PruningStudy
from causalhyper.granger.pruning import PhaseShift, phase_shift
from causalhyper.report import Picture
from causalhyper.report.pruning import transition_section


def fall_pictures(study: PruningStudy, prefix: str, *, ladders: bool = False) -> Iterator[Picture]:
    """Draw the fall of every cell that has intervals, of a few methods.

    Parameters
    ----------
    study : PruningStudy
    prefix : str
        Of the pictures' ids; unique in a page.
    ladders : bool
        Draw those alone that were run at many sparsities for it.

    Yields
    ------
    Picture
    """
    cells, chosen = study.frames.cells(), study.frames.ladders()
    for i, (cell, found) in enumerate(study.shifts.items()):
        if isinstance(found, str) or (ladders and cell not in chosen):
            continue
        runs = cells[cell]
        own = drawn_methods(runs, 1 if ladders else len(cells))
        fewer = runs[runs["method"].isin([*own, DENSE])]
        drawn = _fewer(fewer, found) if len(own) < len(found.fits) else None
        part = transition_section(found, drawn=drawn, prefix=f"{prefix}{i}-")
        for block in part.blocks:
            if isinstance(block, Picture):
                yield replace(block, caption=f"{cell}: {block.caption}")


def _fewer(runs: pd.DataFrame, found: PhaseShift) -> PhaseShift:
    floor = CHANCE.get(str(runs["dataset"].iloc[0]))
    return phase_shift(runs, floor=floor, level=found.level)
