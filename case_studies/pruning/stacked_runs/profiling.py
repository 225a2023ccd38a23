"""What the device does in a step of each stage, and how long it waits for the host."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from case_studies.pruning.stacked_runs.cells import Cell
from case_studies.pruning.stacked_runs.timing import stage_steps
from causalhyper.frames import write_atomic

STAGES = ("pretraining", "collecting", "training")
ROWS = 45


def write_profile(cells: list[Cell], path: Path) -> None:
    """Write tables of the kernels of a step, by the time that they take.

    Parameters
    ----------
    cells : list of Cell
        One a data set, with their engines.
    path : Path
        Of the text.
    """
    parts = [f"{cell.source.name}, {profiled(cell, stage)}" for cell in cells for stage in STAGES]
    write_atomic(path, "\n\n".join(parts).encode())


def profiled(cell: Cell, stage: str) -> str:
    """Run some steps of a stage under torch's profiler.

    Parameters
    ----------
    cell : Cell
        Its data set and engines.
    stage : {"pretraining", "collecting", "training"}
        Which.

    Returns
    -------
    str
        A line with the milliseconds of a step, those in which kernels ran and those without, and
        torch's table; times of the table are of all steps together.
    """
    device = torch.device(cell.stack.task.device or "cpu")
    on_gpu = device.type == "cuda"
    network = cell.stack.network if stage == "collecting" else cell.trainer
    run, data = stage_steps(cell, network, stage)
    run(data)
    _wait(device)
    began = time.perf_counter()
    run(data)
    _wait(device)
    seconds = time.perf_counter() - began
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with profile(activities=activities) as found:
        run(data)
        _wait(device)
    averages = found.key_averages()
    order = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    busy = sum(_self_microseconds(row, order) for row in averages) / 1e6
    whole, working = 1e3 * seconds / len(data), 1e3 * busy / len(data)
    kind = "kernels" if on_gpu else "operations"
    head = (
        f"{stage}: {whole:.3f} ms a step without the profiler; {kind} {working:.3f} ms, so "
        f"{max(whole - working, 0):.3f} ms between them; {len(data)} steps:"
    )
    table = averages.table(sort_by=order, row_limit=ROWS, max_name_column_width=70)
    return f"{head}\n{table}"


def _self_microseconds(row: Any, order: str) -> float:
    """Time of a row itself; on a GPU of kernels alone, not of what started them."""
    on_device = "cuda" in str(row.device_type).lower()
    return float(getattr(row, order)) if on_device or "cpu" in order else 0.0


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
