"""What reading a design from a store costs, beside a memory map and an array in memory.

    OMP_NUM_THREADS=1 python benchmarks/design.py [--folder FOLDER] [--parameters 614400]

A pass computes the squared changes of 500 steps block by block, and the product of each block with
a vector of T numbers, as a reading by the solver does at least. The store is one of
`TrajectoryWriter`, read through `granger_design`; the memory map is the same values row by row,
read through `SquaredChanges`, kept open over all passes or opened for each, as the store's files
are. Passes are timed in turns in one process, warm (files in the system's cache), and with --cold
after posix_fadvise dropped them. Ratios are of medians, of processor and wall time. The first pass
over a store compares its checksums, and is told apart.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from causalhyper.frames.trajectory import Layer, TrajectoryWriter, read_trajectory
from causalhyper.granger.design import GrangerDesign, granger_design
from causalhyper.granger.lasso import ColumnBlocks, SquaredChanges

STEPS = 500


def write(folder: Path, parameters: int) -> None:
    """Write the same changes as stores and as a memory map."""
    rng = np.random.default_rng(0)
    rows = np.lib.format.open_memmap(folder / "rows.npy", "w+", np.float32, (STEPS, parameters))
    layers = [Layer("fc.weight", (parameters,))]
    kinds = ("float32", "bfloat16")
    writers = [TrajectoryWriter.create(folder / k, layers=layers, dtype=k) for k in kinds]
    for step in range(STEPS):
        rows[step] = 1e-5 * rng.standard_normal(parameters, dtype=np.float32)
        for writer in writers:
            losses = {"loss": 1.0, "loss_after": 1.0 - rng.random()}
            writer.append({"fc.weight": rows[step]}, step=step, learning_rate=0.1, **losses)
    for writer in writers:
        writer.close()
    rows.flush()
    os.sync()


def one_pass(columns: ColumnBlocks) -> np.ndarray:
    """Read columns once, with a product a block."""
    vector = np.ones(columns.shape[0], columns.dtype)
    return np.concatenate([vector @ block for _, block in columns.blocks()])


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return processor and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def drop_pages(folder: Path) -> None:
    """Let the system forget the content of all files."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def design_of(folder: Path, **options: str) -> GrangerDesign:
    """Return the design of a store, opened anew."""
    return granger_design(read_trajectory(folder), scope="network", **options)


def open_map(folder: Path) -> SquaredChanges:
    """Return squares over the memory map."""
    return SquaredChanges(np.load(folder / "rows.npy", mmap_mode="r"))


def check(columns: ColumnBlocks, mapped: ColumnBlocks) -> None:
    """Refuse to time what does not agree."""
    sums = one_pass(columns) * columns.unit
    np.testing.assert_allclose(sums, one_pass(mapped) * mapped.unit, rtol=1e-5)


def in_turn(
    works: dict[str, Callable[[], ColumnBlocks]], cold: Path | None = None
) -> dict[str, tuple[float, float]]:
    """Time each once, with its opening; files under `cold` are dropped from the cache before."""
    taken = {}
    for name, opened in works.items():
        if cold is not None:
            drop_pages(cold)
        taken[name] = timed(lambda o=opened: one_pass(o()))
    return taken


def report(kind: str, turns: list[dict[str, tuple[float, float]]]) -> None:
    """Print medians, and ratios to the first."""
    medians = {
        name: [statistics.median(t) for t in zip(*(turn[name] for turn in turns), strict=True)]
        for name in turns[0]
    }
    base = next(iter(medians.values()))
    for name, (cpu, wall) in medians.items():
        print(
            f"{kind}, {name}: {cpu:.2f} s of processor time, {cpu / base[0]:.2f} times the first; "
            f"{wall:.2f} s of wall time, {wall / base[1]:.2f} times"
        )


def main() -> None:
    """Time passes in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where to write, on a real disk")
    parser.add_argument("--parameters", type=int, default=614_400)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--held", action="store_true", help="time a design in memory too")
    o = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=o.folder) as name:
        folder = Path(name)
        write(folder, o.parameters)
        designs = {
            "store": design_of(folder / "float32"),
            "store, bfloat16": design_of(folder / "bfloat16"),
            "store, momentum": design_of(folder / "float32", features="momentum"),
            "store, learning rates": design_of(folder / "float32", scaling="learning_rate"),
        }
        first = {name: timed(lambda d=d: one_pass(d.columns)) for name, d in designs.items()}
        check(designs["store"].columns, open_map(folder))
        works = {"memory map, opened for the pass": lambda: open_map(folder)}
        works |= {name: lambda d=design: d.columns for name, design in designs.items()}
        if o.cold:
            report("cold", [in_turn(works, folder) for _ in range(o.turns)])
        kept = open_map(folder)
        works = {"memory map, kept open": lambda: kept} | works
        if o.held:
            held = designs["store"].held().columns
            works["held in memory"] = lambda: held
        one_pass(kept)
        report("warm", [in_turn(works) for _ in range(o.turns)])
        for name, (cpu, wall) in first.items():
            print(f"first pass, {name}: {cpu:.2f} s of processor time, {wall:.2f} s of wall time")


if __name__ == "__main__":
    main()
