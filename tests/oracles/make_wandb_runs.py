"""Runs that Weights & Biases logs offline, and what was logged: for tests/frames/logged.

Made with wandb 0.31.0, which needs no account and no network in this mode:

    python tests/oracles/make_wandb_runs.py

writes ``wandb_runs/``: for each run the transaction log, under the folder that the client names by
date, and ``logged.json``, what this script gave to the client.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from pathlib import Path

TARGET = Path(__file__).with_name("wandb_runs")
CONFIG = {
    "batch_size": 32,
    "lr": 0.001,
    "optimizer": {"name": "sgd", "momentum": 0.9},
    "nesterov": True,
    "note": "a: b # c\nsecond line",
    "layers": [64, 32],
    "none": None,
}


def rows(run: str) -> list[dict[str, float]]:
    """What one run logs, step by step; the long one crosses blocks of the log."""
    count = {"good": 12, "failed": 4, "long": 200}[run]
    found = [
        {"train/loss": math.exp(-i / 7), "nested": {"accuracy": i / 1000}} for i in range(count)
    ]
    if run == "failed":
        found[-1]["train/loss"] = math.nan
        found[-2]["train/loss"] = math.inf
    return found


def main() -> None:
    """Log the runs and keep their files."""
    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    import wandb

    shutil.rmtree(TARGET, ignore_errors=True)
    logged = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("good", "failed", "long"):
            settings = wandb.Settings(x_disable_stats=True, x_disable_meta=True, disable_git=True)
            run = wandb.init(
                project="p",
                dir=folder,
                name=name,
                id=f"id{name}",
                config=CONFIG,
                settings=settings,
            )
            for row in rows(name):
                run.log(row)
            run.summary["best/accuracy"] = 0.75
            run.finish(exit_code=1 if name == "failed" else 0)
            logged[f"id{name}"] = rows(name)
        for file in sorted(Path(folder).glob("wandb/offline-run-*/*.wandb")):
            place = TARGET / "wandb" / file.parent.name
            place.mkdir(parents=True)
            shutil.copy(file, place)
    content = {"wandb": wandb.__version__, "config": CONFIG, "logged": logged}
    (TARGET / "logged.json").write_text(json.dumps(content) + "\n", "utf-8")


if __name__ == "__main__":
    main()
