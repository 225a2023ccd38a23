"""Two processes that train one network; started by test_ranks.

``python -m tests.collectors.recording.ranks_script RANK PORT FOLDER``

One case after another in the same processes: after a failure both must be ready for the next.
"""

import datetime
import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from collectors.recording import StepAccumulators, record
from tests.collectors.recording.trainings import batches

CASES = ("full", "equal", "broken", "taken", "uneven")


def noisy():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


class Full:
    """A sink whose disk is full at the third step."""

    def append(self, changes, *, step, **row):
        if step == 3:
            raise OSError(28, "No space left on device")


def data(rank, equal):
    """Batches of 6 for both; or of 4 and 12 examples."""
    size = 6 if equal else (4, 12)[rank]
    return batches(5, size, seed=10 + rank)


def main():
    rank, port, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", rank=rank, world_size=2, timeout=datetime.timedelta(seconds=60)
    )
    for case in CASES:
        (folder / case).mkdir(exist_ok=True)
        found = train(case, rank, folder / case)
        (folder / case / f"{rank}.json").write_text(json.dumps(found))
    dist.destroy_process_group()


def train(case, rank, folder):
    """Train in a case; return what was seen."""
    model = DistributedDataParallel(noisy())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    sums = StepAccumulators([1])
    place = Full() if case == "full" else folder / "run"
    seen, said, recorder = [], "", None
    if case == "taken" and rank == 0:
        (folder / "run").write_text("a file of someone else")
    try:
        with record(model, optimizer, [place, sums]) as recorder:
            for x, y in data(rank, case != "uneven"):
                optimizer.zero_grad()

                def each(x=x, y=y, recorder=recorder):
                    if case == "broken" and rank == 1 and recorder.step == 3:
                        raise ZeroDivisionError("the batch is gone")
                    return nn.functional.cross_entropy(model(x), y, reduction="none")

                loss = recorder.loss(each)
                loss.backward()
                optimizer.step()
                seen.append(float(loss.detach()))
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    found = {
        "seen": seen,
        "error": said,
        "frame": {} if recorder is None else recorder.to_frame().to_dict("list"),
        "tracked": int(model.module[1].num_batches_tracked),
    }
    if rank == 0 and not said:
        result = sums.result()
        found["movement"] = result["0.weight"].movement.tolist()
        found["layers"] = [layer.name for layer in result.layers]
    return found


if __name__ == "__main__":
    main()
