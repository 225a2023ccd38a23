"""What is left to do of one seed, in files of one network, data set, seed and stage."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pandas as pd
import torch

from case_studies.pruning.deep_runs.cells import Cell, check_options, device_name
from case_studies.pruning.deep_runs.design import DENSE
from case_studies.pruning.deep_runs.files import (
    read_chain,
    read_pretrained,
    read_progress,
    write_chain,
    write_pretrained,
    write_progress,
)
from case_studies.pruning.deep_runs.trainings import (
    PROTOCOLS,
    Training,
    check_tuning,
    trainings,
)
from case_studies.pruning.kept_weights import ENDING, KeptNetwork, write_weights
from case_studies.pruning.stacked_runs.overlaps import overlap_rows
from causalhyper.frames.reading import read_frame
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


def run_seed(cell: Cell, seed: int, stage: str = "main") -> None:
    """Do what is missing of a seed: pre-train, prune by all methods, train what is left.

    Parameters
    ----------
    cell : Cell
        Its network and data set.
    seed : int
        From 0.
    stage : {"main", "tuning", "strong"}
        See `STAGES`.
    """
    check_options(cell)
    check_tuning(cell, seed, stage)
    every = trainings(cell, stage)
    wanted = [training for training in every if not training.log(cell, seed).exists()]
    if not wanted:
        return
    subject = cell.of_seed(seed)
    origin, before = _pretrained(cell, seed, subject, stage)
    chains = _pruned(cell, seed, subject, origin, every, stage)
    prunings = [p for chain in chains.values() for p in prunings_of(chain, cell.ladder)]
    rows = overlap_rows(subject.layout, prunings) if stage == "main" else []
    if rows:
        named = [_names(cell, seed) | row for row in rows]
        write_frame(cell.file(seed, "overlaps.parquet"), pd.DataFrame(named))
    known = {(p.method, p.target): p for p in prunings}
    known[DENSE, 0.0] = Pruning(DENSE, 0.0, subject.everything())
    for training in wanted:
        pruning = known[training.method, training.target]
        if not _same_as_main(cell, seed, training):
            _posttrained(cell, seed, subject, origin, before, pruning, training)


def _pretrained(
    cell: Cell, seed: int, subject: Subject, stage: str
) -> tuple[State, list[dict[str, Any]]]:
    path = cell.file(seed, "pretrained.pt")
    if not path.exists():
        with _watched(cell, seed, _named("pretraining", stage)):
            state, log = pretrain_state(subject)
            write_pretrained(path, state, log)
    return read_pretrained(path, subject.device)


def _pruned(
    cell: Cell, seed: int, subject: Subject, origin: State, every: Sequence[Training], stage: str
) -> dict[str, Chain]:
    """Go on with every method's chain as far as networks of it are trained."""
    later, ladder = cell.study.later, cell.ladder
    ends = {t.method: ladder.stops.get(t.target or 0.0, len(ladder.levels)) for t in every}
    chosen = {name: method for name, method in cell.methods.items() if name in ends}
    last = max((ends[name] for name in chosen), default=0)
    paths = {name: cell.file(seed, f"{name}-masks.npz") for name in chosen}
    chains = {n: read_chain(p, subject.device) for n, p in paths.items() if p.exists()}
    missing = [m for n, m in chosen.items() if n not in chains and m.collecting != "none"]
    if missing:
        with _watched(cell, seed, _named("first iteration", stage), len(missing)):
            for chain in first_links(subject, missing, ladder, origin, later=later):
                chains[chain.method] = chain
                write_chain(paths[chain.method], chain)
    for name, method in chosen.items():
        while name not in chains or chains[name].iteration < last:
            part, begun = _named("pruning", stage), name in chains
            with _watched(cell, seed, part, said=name, added=begun):
                owner = chains.get(method.counts_of or "")
                chains[name] = next_link(
                    subject, method, chains.get(name), ladder, origin, owner=owner, later=later
                )
                write_chain(paths[name], chains[name])
    return {name: chains[name] for name in chosen}


def _same_as_main(cell: Cell, seed: int, training: Training) -> bool:
    """Take over the network of the paper's rate where that is the tuned one, if there is one."""
    main = replace(training, stage="main")
    usual = cell.subject.settings.learning_rate
    if training.stage != "strong" or training.rate != usual or not main.log(cell, seed).exists():
        return False
    names = _run_names(cell, seed, training)
    frame = read_frame(main.log(cell, seed), "log")
    frame = frame.assign(protocol=names["protocol"], run_id=names["run_id"])
    write_frame(training.log(cell, seed), frame)
    return True


def _posttrained(
    cell: Cell,
    seed: int,
    subject: Subject,
    origin: State,
    before: list[dict[str, Any]],
    pruning: Pruning,
    training: Training,
) -> None:
    stage, main = training.name, training.stage == "main"
    held = cell.file(seed, f"{stage}-{training.rate:g}-checkpoint.pt")
    progress = read_progress(held, subject.device) if held.exists() else None
    last = time.monotonic()

    def saved(now: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= cell.device.seconds:
            write_progress(held, now)
            last = time.monotonic()

    with _watched(cell, seed, _named("post-training", training.stage), said=stage):
        trained = posttrain(
            subject,
            origin,
            pruning.kept,
            iteration=max((row["iteration"] for row in pruning.layers), default=0),
            rate=training.rate,
            stop_on=cell.study.stop_on,  # type: ignore[arg-type]
            progress=progress,
            saved=saved,
        )
    head = _run_names(cell, seed, training)
    if main and pruning.method in cell.study.kept:
        train: Any = subject.task.train
        shown = {"side": train.side, "channels": train.channels}
        named = head | shown | {"validation": cell.study.validation or cell.source.validation}
        network = KeptNetwork.of_state(named, trained.best, subject.layout.masks(pruning.kept))
        write_weights(cell.file(seed, f"{stage}{ENDING}"), [network])
    if main and pruning.layers:  # masks are the same at all rates
        layers = pd.DataFrame([head | row for row in pruning.layers])[[*HEAD, *LAYERS]]
        write_frame(cell.file(seed, f"{stage}-layers.parquet"), layers)
    early = [] if training.stage == "tuning" else [*before, *pruning.log]
    rows = [head | row for row in (*early, *trained.log)]
    write_frame(training.log(cell, seed), pd.DataFrame(rows)[[*HEAD, "rate", *LOG]].astype(LOG))
    held.unlink(missing_ok=True)


def _names(cell: Cell, seed: int) -> dict[str, Any]:
    return {"dataset": cell.source.name, "network": cell.network.name, "seed": seed}


def _run_names(cell: Cell, seed: int, training: Training) -> dict[str, Any]:
    protocol = PROTOCOLS[training.stage]
    shown = training.name.removeprefix(f"{training.stage}-")
    return _names(cell, seed) | {
        "protocol": protocol,
        "target": float("nan") if training.target is None else training.target,
        "rate": training.rate,
        "run_id": f"{cell.name}-{protocol}-{shown}-seed{seed}",
        "method": training.method,
    }


def _named(part: str, stage: str) -> str:
    """Name a part of a stage: the tuning's chains are shorter, and no part of the table."""
    return f"tuning: {part}" if stage == "tuning" else part


@contextmanager
def _watched(
    cell: Cell, seed: int, stage: str, networks: int = 1, said: str = "", *, added: bool = False
) -> Iterator[None]:
    """Tell of a stage on the error stream, and write its seconds and memory.

    They are added to those of former iterations of the same, so that nothing is lost where a
    chain goes on.
    """
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
    path = cell.file(seed, f"{said or 'all'}-{stage.replace(': ', '-')}-seconds.parquet")
    if added and path.exists():
        former = read_frame(path, "seconds").iloc[0]
        row["seconds"] += former["seconds"]
        row["gigabytes"] = max(row["gigabytes"], former["gigabytes"])
    write_frame(path, pd.DataFrame([row]))
