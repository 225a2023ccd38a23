"""Every table of the study's own effects, by name."""

from __future__ import annotations

import pandas as pd

from case_studies.batch_size.effects.arms import arm_tables, trace_table
from case_studies.batch_size.effects.contrasts import compare
from case_studies.batch_size.effects.counts import count_table, rate_table, reached_table
from case_studies.batch_size.effects.graph_tests import gap_table, rejection_table
from case_studies.batch_size.effects.measures import measure_table, pooled_measures
from case_studies.batch_size.effects.totals import (
    curve_table,
    main_table,
    pooled_table,
    protocol_table,
    shrunk_table,
    widest,
)
from case_studies.batch_size.runs import SHORT, Frames


def make_tables(frames: Frames, *, draws: int = 800, seed: int = 1) -> dict[str, pd.DataFrame]:
    """Ask everything of the frames that needs no mediator but the test of the hypergraph.

    Parameters
    ----------
    frames : Frames
    draws, seed : int
        Of the bootstrap behind the hypergraph's test; all else is closed form.

    Returns
    -------
    dict of str to DataFrame
        Those of `effect_tables`; gaps and rejections: the hypergraph against the design.
    """
    gaps = gap_table(frames.plain, draws=draws, seed=seed)
    return effect_tables(frames) | {"gaps": gaps, "rejections": rejection_table(gaps)}


def effect_tables(frames: Frames) -> dict[str, pd.DataFrame]:
    """All contrasts, their pooled means, and what is counted.

    Parameters
    ----------
    frames : Frames

    Returns
    -------
    dict of str to DataFrame
        main, main_precision (by data set); cells, cells_precision, curves (by cell); pooled,
        pooled_precision, shrunk, protocols, protocols_pooled; sam, label_noise, noise, and each
        with _pooled; noise_check; measures, measures_pooled; counts, reached, rates.
    """
    plain, runs = frames.plain, frames.runs
    cells = compare(plain, [widest(d) for d in SHORT])
    precision = compare(plain, [widest(d) for d in SHORT], "test_precision")
    protocols, measures = protocol_table(plain), measure_table(plain)
    arms = arm_tables(runs)
    return {
        "main": main_table(plain),
        "main_precision": main_table(plain, "test_precision"),
        "cells": cells,
        "cells_precision": precision,
        "curves": curve_table(plain),
        "pooled": pooled_table(cells),
        "pooled_precision": pooled_table(precision),
        "shrunk": shrunk_table(cells),
        "protocols": protocols,
        "protocols_pooled": pooled_table(protocols),
        **arms,
        **{f"{name}_pooled": pooled_table(table) for name, table in arms.items()},
        "noise_check": trace_table(runs),
        "measures": measures,
        "measures_pooled": pooled_measures(measures),
        "counts": count_table(runs),
        "reached": reached_table(plain),
        "rates": rate_table(plain),
    }
