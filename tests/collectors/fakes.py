"""Cheap runs that worker processes can import; nothing heavy is imported here.

Run as a script, it sweeps: ``python -m tests.collectors.fakes FRAME WORKERS RUNS TRAIN [MARKS]``.
"""

import os
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path


@dataclass(frozen=True)
class Fake:
    number: int
    scale: float = 1.0

    @property
    def run_id(self):
        return f"run-{self.number:02d}"


def row(run):
    """A row that depends on nothing but the configuration; every third sharpness is missing."""
    return {
        "run_id": run.run_id,
        "number": run.number,
        "scale": run.scale,
        "sharpness": float("nan") if run.number % 3 == 2 else run.number / 7,
        "diverged": run.number % 3 == 2,
    }


def quick(run):
    return row(run)


def uneven(run):
    """Odd runs take longer, so that two workers finish out of order; with torch's threads."""
    import torch

    time.sleep(0.05 * (run.number % 2))
    return row(run) | {"threads": torch.get_num_threads()}


def fail_at_2(run):
    if run.number == 2:
        raise ZeroDivisionError("the loss fell off")
    return row(run)


def die_at_2(run):
    """A process that is killed from outside, as when memory is short."""
    if run.number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return row(run)


def die_once_at_2(run, marks):
    """Die the first time only, as when memory was short for a while."""
    mark = marks / "died"
    if run.number == 2 and not mark.exists():
        mark.touch()
        os._exit(9)
    return row(run)


def die_or_live(run, marks):
    """Two runs at once, of which one dies while the other is in the middle of its work."""
    if run.number == 0:
        wait_for_file(marks / "working")
        os.kill(os.getpid(), signal.SIGKILL)
    if run.number == 1:
        (marks / "working").touch()
        time.sleep(0.3)
        with (marks / "finished").open("a") as stream:
            stream.write("1")
    return row(run)


def wait_for_file(path):
    end = time.monotonic() + 60
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)


def print_and_read(run):
    """Talk where a worker's answers would go, and listen where its tasks come from."""
    sys.stdout.write("a line of output\n")
    sys.stdout.flush()
    os.write(1, b"and bytes\n")
    return row(run) | {"read": sys.stdin.read()}


def sum_of_products(run):
    """A sum whose bytes depend on how many threads take it."""
    import numpy as np

    a = np.random.default_rng(run.number).normal(size=(300, 2000)).astype(np.float32)
    return row(run) | {"sum": float((a @ a.T).sum())}


def count_threads(run):
    import torch

    return row(run) | {"torch": torch.get_num_threads(), "omp": os.environ["OMP_NUM_THREADS"]}


def say_device(run, device):
    time.sleep(0.05)
    return row(run) | {"device": device, "pid": os.getpid()}


def measure(run):
    """A row of a design's run without anything of its configuration."""
    return {"test_accuracy": 1 / run.batch_size + run.seed}


def measure_together(runs):
    """Rows of runs that are trained together."""
    return [measure(run) | {"together": len(runs)} for run in runs]


def misname(run):
    return row(run) | {"run_id": "other"}


def refuse(run):
    raise AssertionError(f"{run.run_id} was trained again")


def hang_from_2(run, marks):
    """Leave the process's id in `marks` and hang, from run 2 on."""
    if run.number >= 2:
        draft = marks / f".{run.number}"
        draft.write_text(str(os.getpid()))
        draft.rename(marks / str(run.number))
        time.sleep(300)
    return row(run)


def main():
    from collectors.sweeps import sweep

    path, workers, runs, name, *marks = sys.argv[1:]
    train = globals()[name]
    if marks:
        train = partial(train, marks=Path(marks[0]))
    fakes = [Fake(number) for number in range(int(runs))]
    sweep(fakes, train, Path(path), workers=int(workers), quiet=True)


if __name__ == "__main__":
    main()
