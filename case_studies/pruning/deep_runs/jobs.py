"""What is left to do of one seed, in files of one network, data set, seed and stage."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import torch

from case_studies.pruning.deep_runs.cells import Cell, check_options, device_name, share_name
from case_studies.pruning.deep_runs.design import DENSE
from case_studies.pruning.deep_runs.files import (
    read_chain,
    read_pretrained,
    read_progress,
    write_chain,
    write_final,
    write_pretrained,
    write_progress,
)
from case_studies.pruning.stacked_runs.overlaps import overlap_rows
from causalhyper.frames.writing import write_frame
from collectors.deep_pruning import (
    Chain,
    Progress,
    Subject,
    first_links,
    next_link,
    posttrain,
    pretrain_state,
    prunings_of,
)
from collectors.deep_pruning.subjects import State
from collectors.ensembles.pruning import Pruning
from collectors.pruning.frames import LAYERS, LOG

HEAD = ["dataset", "network", "protocol", "target"]
PROTOCOL = "paper"


def run_seed(cell: Cell, seed: int) -> None:
    """Do what is missing of a seed: pre-train, prune by all methods, train what is left.

    Parameters
    ----------
    cell : Cell
        Its network and data set.
    seed : int
        From 0.
    """
    check_options(cell)
    names = [f"{m}-{share_name(t)}" for m in cell.methods for t in cell.targets(m)]
    names += [f"{DENSE}-{share_name(0.0)}"] if cell.dense else []
    if all(cell.file(seed, f"{name}-log.parquet").exists() for name in names):
        return
    subject = cell.of_seed(seed)
    origin, before = _pretrained(cell, seed, subject)
    chains = _pruned(cell, seed, subject, origin)
    prunings = [p for chain in chains.values() for p in prunings_of(chain, cell.ladder)]
    if rows := [_names(cell, seed) | row for row in overlap_rows(subject.layout, prunings)]:
        write_frame(cell.file(seed, "overlaps.parquet"), pd.DataFrame(rows))
    whole = [Pruning(DENSE, 0.0, subject.everything())] if cell.dense else []
    for target in (0.0, *cell.ladder.stops, None):
        for pruning in (*whole, *prunings):
            if pruning.target == target:
                _posttrained(cell, seed, subject, origin, before, pruning)


def _pretrained(cell: Cell, seed: int, subject: Subject) -> tuple[State, list[dict[str, Any]]]:
    path = cell.file(seed, "pretrained.pt")
    if not path.exists():
        with _watched(cell, seed, "pretraining"):
            state, log = pretrain_state(subject)
            write_pretrained(path, state, log)
    return read_pretrained(path, subject.device)


def _pruned(cell: Cell, seed: int, subject: Subject, origin: State) -> dict[str, Chain]:
    """Go on with every method's chain to its end."""
    paths = {name: cell.file(seed, f"{name}-masks.npz") for name in cell.methods}
    later, ladder = cell.study.later, cell.ladder
    chains = {n: read_chain(p, subject.device) for n, p in paths.items() if p.exists()}
    missing = [m for n, m in cell.methods.items() if n not in chains and m.collecting != "none"]
    if missing:
        with _watched(cell, seed, "first iteration", len(missing)):
            for chain in first_links(subject, missing, ladder, origin, later=later):
                chains[chain.method] = chain
                write_chain(paths[chain.method], chain)
    for name, method in cell.methods.items():
        if name in chains and chains[name].iteration == len(ladder.levels):
            continue
        with _watched(cell, seed, "pruning", said=name):
            while name not in chains or chains[name].iteration < len(ladder.levels):
                owner = chains.get(method.counts_of or "")
                chains[name] = next_link(
                    subject, method, chains.get(name), ladder, origin, owner=owner, later=later
                )
                write_chain(paths[name], chains[name])
    return {name: chains[name] for name in cell.methods}


def _posttrained(
    cell: Cell,
    seed: int,
    subject: Subject,
    origin: State,
    before: list[dict[str, Any]],
    pruning: Pruning,
) -> None:
    stage = f"{pruning.method}-{share_name(pruning.target)}"
    log, held = cell.file(seed, f"{stage}-log.parquet"), cell.file(seed, f"{stage}-checkpoint.pt")
    if log.exists():
        return
    progress = read_progress(held, subject.device) if held.exists() else None
    last = time.monotonic()

    def saved(now: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= cell.device.seconds:
            write_progress(held, now)
            last = time.monotonic()

    with _watched(cell, seed, "post-training", said=stage):
        trained = posttrain(
            subject,
            origin,
            pruning.kept,
            iteration=max((row["iteration"] for row in pruning.layers), default=0),
            stop_on=cell.study.stop_on,  # type: ignore[arg-type]
            progress=progress,
            saved=saved,
        )
    head = _run_names(cell, seed, pruning)
    if pruning.method in cell.study.kept:
        write_final(cell.file(seed, f"{stage}-weights.pt"), trained.best, head)
    if pruning.layers:
        layers = pd.DataFrame([head | row for row in pruning.layers])[[*HEAD, *LAYERS]]
        write_frame(cell.file(seed, f"{stage}-layers.parquet"), layers)
    rows = [head | row for row in (*before, *pruning.log, *trained.log)]
    write_frame(log, pd.DataFrame(rows)[[*HEAD, "rate", *LOG]].astype(LOG))
    held.unlink(missing_ok=True)


def _names(cell: Cell, seed: int) -> dict[str, Any]:
    return {"dataset": cell.source.name, "network": cell.network.name, "seed": seed}


def _run_names(cell: Cell, seed: int, pruning: Pruning) -> dict[str, Any]:
    shown = share_name(pruning.target)
    run_id = f"{cell.name}-{PROTOCOL}-{pruning.method}-{shown}-seed{seed}"
    return _names(cell, seed) | {
        "protocol": PROTOCOL,
        "target": float("nan") if pruning.target is None else pruning.target,
        "rate": cell.subject.settings.learning_rate,
        "run_id": run_id,
        "method": pruning.method,
    }


@contextmanager
def _watched(
    cell: Cell, seed: int, stage: str, networks: int = 1, said: str = ""
) -> Iterator[None]:
    """Tell of a stage on the error stream, and write its seconds and memory."""
    device = cell.subject.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    sys.stderr.write(f"{cell.name} seed {seed} {stage} {said}".rstrip() + " ...")
    sys.stderr.flush()
    began, gigabytes = time.perf_counter(), float("nan")
    yield
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        gigabytes = torch.cuda.max_memory_allocated(device) / 1e9
    seconds = time.perf_counter() - began
    sys.stderr.write(f" {seconds:.1f} s\n")
    row = _names(cell, seed) | {"stage": stage, "networks": networks, "seconds": seconds}
    row |= {"gigabytes": gigabytes, "device": device_name(device)}
    path = cell.file(seed, f"{said or 'all'}-{stage}-seconds.parquet")
    write_frame(path, pd.DataFrame([row]))
