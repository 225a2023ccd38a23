"""The search's runs, one row each, written as they finish."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from case_studies.pruning.search.candidates import ARMS
from case_studies.pruning.search.network import load_images
from case_studies.pruning.search.protocol import LEVELS, Pruner
from causalhyper.frames import write_atomic

STAGES = {"screen": (0.95, 0.99), "steps": LEVELS}
"""Shares pruned in each stage: at once in the first, from level to level in the second."""


def search(
    data: Path, out: Path, *, stage: str, seeds: Sequence[int], methods: Sequence[str]
) -> pd.DataFrame:
    """Prune by every method from every seed; what is in the file already is left out.

    Parameters
    ----------
    data : Path
        An ``npz`` of images.
    out : Path
        Parquet file; rows are added.
    stage : {"screen", "steps"}
        Pruning at once, or in steps.
    seeds : sequence of int
    methods : sequence of str
        Names of arms.

    Returns
    -------
    pandas.DataFrame
        All rows of the file.
    """
    torch.set_num_threads(1)
    frame = pd.read_parquet(out) if out.exists() else pd.DataFrame()
    images = load_images(data)
    for seed in seeds:
        done = set()
        if len(frame):
            same = (frame["stage"] == stage) & (frame["seed"] == seed)
            done = set(frame.loc[same, "method"])
        left = [name for name in ("dense", *methods) if name not in done]
        if not left:
            continue
        pruner = Pruner(images, seed)
        for name in left:
            rows = _rows(pruner, name, stage)
            found = pd.DataFrame(rows).assign(stage=stage, seed=seed, method=name)
            frame = pd.concat([frame, found], ignore_index=True)
            write_atomic(out, frame.to_parquet(index=False))
    return frame


def _rows(pruner: Pruner, name: str, stage: str) -> list[dict[str, float]]:
    if name == "dense":
        return [{"sparsity": 0.0, **pruner.dense()}]
    levels = STAGES[stage]
    pruned = pruner.prune if stage == "steps" else pruner.prune_at_once
    return list(pruned(ARMS[name], levels))
