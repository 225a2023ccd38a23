"""All pieces of the study, made side by side."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pandas as pd

from case_studies.batch_size.effects.graph_tests import gap_table, rejection_table
from case_studies.batch_size.effects.tables import effect_tables
from case_studies.batch_size.report.parts import ASKED, Part, make_part
from case_studies.batch_size.runs import Frames
from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.parallel import Place, Reply, replies
from causalhyper.progress import Progress, track

FEWEST = 100
"""Bootstrap replicates of a band."""
GAPS, EFFECTS = "gaps", "effects"
PIECES = (GAPS, *(title for title, *_ in reversed(ASKED)), EFFECTS)
"""Longest first, about: workers are then done at about the same time."""


def make_pieces(
    frames: Frames,
    *,
    draws: int = 800,
    seed: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> tuple[dict[str, pd.DataFrame], dict[str, Part]]:
    """Ask everything of the frames.

    Parameters
    ----------
    frames : Frames
    draws, seed : int
        Of the bootstrap behind the hypergraph's test; the parts have their own.
    workers : int
        Processes; what comes out does not depend on them.
    progress : callable, optional
        Called with the share of the pieces that is made.

    Returns
    -------
    tables : dict of str to DataFrame
        As `make_tables` has them.
    parts : dict of str to Part
        As `other_parts` has them.

    Raises
    ------
    ConfigurationError
        If the draws are fewer than 100.
    CausalHyperError
        If a piece cannot be made.
    """
    if draws < FEWEST:
        raise ConfigurationError(f"draws must be at least {FEWEST}, for 95% bands; got {draws}")
    found: dict[str, Any] = {}
    tasks = [(name, frames, draws, seed) for name in PIECES]
    with closing(replies(_make, tasks, Place(workers=workers))) as made:
        for number, reply in track(made, len(PIECES), progress):
            found[PIECES[number]] = _value(PIECES[number], reply)
    gaps = found[GAPS]
    tables = found[EFFECTS] | {"gaps": gaps, "rejections": rejection_table(gaps)}
    return tables, {title: found[title] for title, *_ in ASKED}


def _value(name: str, reply: Reply) -> object:
    if isinstance(reply.cause, CausalHyperError):
        raise reply.cause
    if reply.error is not None:
        raise CausalHyperError(f"{name}: {reply.error}\n{reply.trace}")
    return reply.value


def _make(name: str, frames: Frames, draws: int, seed: int) -> object:
    if name == GAPS:
        return gap_table(frames.plain, draws=draws, seed=seed)
    return effect_tables(frames) if name == EFFECTS else make_part(name, frames.runs)
