"""How fast a block of columns of a trajectory reads back, and how fast from files of other kinds.

    OMP_NUM_THREADS=1 python benchmarks/trajectory_reads.py [--folder FOLDER] [--turns 9]

The training of `trajectory.py` is recorded once in every way: 320 steps of 657,080 float32
changes. Read are columns of its largest layer over all steps: 8,192, which are two stored blocks,
and 4,096, which are one. Every reader has a process of its own, so that none pays for memory that
another gave back; they take turns, in an order drawn anew, each time at another place of the
layer, and all values are compared. Cold: the pages of all files are dropped before each reading.
Warm: the same columns were read just before. zarr is timed where it is installed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from trajectory import RATE, Training, make_writer

from causalhyper.frames.trajectory import Trajectory, read_trajectory

READ, WIDTHS = "fc1.weight", (8192, 4096)
Read = Callable[[Path, int, int], np.ndarray]


def record_all(folder: Path, steps: int) -> int:
    """Record one training in every way; return the number of columns of the layer."""
    training = Training()
    size = dict(training.net.named_parameters())[READ].numel()
    (folder / "files").mkdir()
    rows = np.lib.format.open_memmap(folder / "rows.npy", "w+", np.float32, (steps, size))
    with make_writer(folder / "store", training, "float32") as writer:
        for step in range(steps):
            before, after = training.step()
            changes = {name: g * np.float32(-RATE) for name, g in training.gradients().items()}
            writer.append(changes, step=step, loss=before, loss_after=after)
            rows[step] = changes[READ].ravel()
            tensors = {name: torch.from_numpy(each) for name, each in changes.items()}
            torch.save(tensors, folder / "files" / f"{step:05}.pt")
    rows.flush()
    if find_spec("zarr"):
        import zarr

        array = zarr.open(folder / "x.zarr", mode="w", shape=rows.shape, chunks=(32, 4096))
        array[:] = rows
    os.sync()
    return size


def read_store(folder: Path, start: int, stop: int) -> np.ndarray:
    """Open the store and read."""
    return read_trajectory(folder / "store").columns(READ, start, stop)


@cache
def kept(folder: Path) -> Trajectory:
    """Open the store at the first call."""
    return read_trajectory(folder / "store")


def read_open_store(folder: Path, start: int, stop: int) -> np.ndarray:
    """Read from a store that is open already."""
    return kept(folder).columns(READ, start, stop)


def open_store(folder: Path, start: int, stop: int) -> None:
    """Open the store and read nothing."""
    read_trajectory(folder / "store")


def load_files(folder: Path, start: int, stop: int) -> np.ndarray:
    """Load every file, and stack the columns: the shortest way to write it."""
    files = sorted((folder / "files").iterdir())
    loaded = (torch.load(file, weights_only=True)[READ] for file in files)
    return np.stack([tensor.reshape(-1)[start:stop].numpy() for tensor in loaded])


def load_rows(folder: Path, start: int, stop: int, mmap: bool = False) -> np.ndarray:
    """Load every file, copy its columns into the result, and let the file go: less memory."""
    files = sorted((folder / "files").iterdir())
    out = np.empty((len(files), stop - start), np.float32)
    for row, file in zip(out, files, strict=True):
        row[:] = torch.load(file, weights_only=True, mmap=mmap)[READ].reshape(-1)[start:stop]
    return out


def map_files(folder: Path, start: int, stop: int) -> np.ndarray:
    """Map every file into memory, and copy the columns."""
    return load_rows(folder, start, stop, mmap=True)


def map_rows(folder: Path, start: int, stop: int) -> np.ndarray:
    """Copy the columns out of a memory map of one row-major file."""
    return np.array(np.load(folder / "rows.npy", mmap_mode="r")[:, start:stop])


def read_rows(folder: Path, start: int, stop: int) -> np.ndarray:
    """Read the columns of each row of the row-major file by one call."""
    rows = np.load(folder / "rows.npy", mmap_mode="r")
    out = np.empty((len(rows), stop - start), np.float32)
    descriptor = os.open(folder / "rows.npy", os.O_RDONLY)
    for row in range(len(rows)):
        os.preadv(descriptor, [out[row]], rows.offset + (row * rows.shape[1] + start) * 4)
    os.close(descriptor)
    return out


def read_zarr(folder: Path, start: int, stop: int) -> np.ndarray:
    """Read from chunks of the store's own shape."""
    import zarr

    return zarr.open(folder / "x.zarr", mode="r")[:, start:stop]


READERS: dict[str, Read] = {
    "store": read_store,
    "store, opened before": read_open_store,
    "opening alone": open_store,
    "a file a step, torch.load": load_files,
    "a file a step, copied row by row": load_rows,
    "a file a step, torch.load(mmap=True)": map_files,
    "row-major, memory map": map_rows,
    "row-major, a pread a row": read_rows,
} | ({"zarr": read_zarr} if find_spec("zarr") else {})


def serve(name: str, folder: Path, pipe: Connection) -> None:
    """Read what is asked for, in a process of its own; answer with seconds and a checksum."""
    torch.set_num_threads(1)
    read = READERS[name]
    while (asked := pipe.recv()) is not None:
        start, stop, warm = asked
        if warm:
            read(folder, start, stop)
        pipe.send("ready")
        pipe.recv()
        began = time.perf_counter(), time.process_time()
        found = read(folder, start, stop)
        spent = time.perf_counter() - began[0], time.process_time() - began[1]
        pipe.send((*spent, None if found is None else zlib.crc32(found)))


@dataclass(frozen=True, slots=True)
class Reader:
    """A process that reads in one way."""

    folder: Path
    pipe: Connection

    def seconds(self, start: int, stop: int, warm: bool) -> tuple[float, float, int | None]:
        """Return wall and processor seconds of one reading, and the checksum of its values."""
        self.pipe.send((start, stop, warm))
        self.pipe.recv()
        if not warm:
            drop_pages(self.folder)
        self.pipe.send("go")
        return self.pipe.recv()


def start_readers(folder: Path) -> Iterator[tuple[str, Reader]]:
    """Start a process for each way."""
    context = multiprocessing.get_context("spawn")
    for name in READERS:
        ours, theirs = context.Pipe()
        context.Process(target=serve, args=(name, folder, theirs), daemon=True).start()
        yield name, Reader(folder, ours)


def drop_pages(folder: Path) -> None:
    """Let the system forget the content of all files, which are on the disk already."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def measure(readers: dict[str, Reader], starts: list[int], width: int, warm: bool) -> None:
    """Print what each reader takes, and as a multiple of the store's time."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in readers}
    rng = np.random.default_rng(0)
    for turn, start in enumerate(starts):
        sums = set()
        for name in rng.permutation(list(readers)):
            wall, cpu, found = readers[name].seconds(start, start + width, warm)
            sums |= {found} - {None}
            if turn:  # the first turn loads code
                spent[name].append((wall, cpu))
        assert len(sums) == 1, "the readers do not agree"
    for name, found in spent.items():
        pairs = zip(found, spent["store"], strict=True)
        ratios = [each[0] / own[0] for each, own in pairs]
        wall, cpu = (statistics.median(column) * 1e3 for column in zip(*found, strict=True))
        print(
            f"{'warm' if warm else 'cold'}, {width} columns, {name}: {wall:.1f} ms ({cpu:.1f} of "
            f"processor), {statistics.median(ratios):.2f} times the store ({min(ratios):.2f} to "
            f"{max(ratios):.2f})",
            flush=True,
        )


def main() -> None:
    """Record, then read in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where to write, on a real disk")
    parser.add_argument("--steps", type=int, default=320)
    parser.add_argument("--turns", type=int, default=9, help="that count, of each reading")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        size = record_all(folder, options.steps)
        places = np.random.default_rng(1).permutation(size // max(WIDTHS)) * max(WIDTHS)
        readers = dict(start_readers(folder))
        for warm in (False, True):
            for width in WIDTHS:
                measure(readers, places[: options.turns + 1].tolist(), width, warm)
        for reader in readers.values():
            reader.pipe.send(None)


if __name__ == "__main__":
    main()
