"""First weights, masks and checkpoints as files; nothing in them is code."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from causalhyper.errors import DataError
from causalhyper.frames import write_atomic
from collectors.deep_pruning import Chain, Progress
from collectors.deep_pruning.subjects import State
from collectors.pruning.stopping import Stopping


def write_pretrained(path: Path, state: State, log: list[dict[str, Any]]) -> None:
    """Write the weights after pre-training, and its log."""
    _write(path, {"state": dict(state), "plain": json.dumps(log)})


def read_pretrained(path: Path, device: torch.device) -> tuple[State, list[dict[str, Any]]]:
    """Read what `write_pretrained` wrote."""
    held = _read(path, device)
    return held["state"], json.loads(held["plain"])


def write_chain(path: Path, chain: Chain) -> None:
    """Write how far a method has pruned: masks as bits, rows of the frames as JSON."""
    plain = {
        "method": chain.method,
        "iteration": chain.iteration,
        "log": chain.log,
        "layers": chain.layers,
        "passed": list(chain.passed),
        "free": chain.free,
        "width": len(chain.kept),
    }
    masks = [chain.kept, *chain.passed.values()]
    bits = np.stack([np.packbits(mask.cpu().numpy()) for mask in masks])
    stream = io.BytesIO()
    np.savez(stream, plain=np.frombuffer(json.dumps(plain).encode(), np.uint8), bits=bits)
    write_atomic(path, stream.getvalue())


def read_chain(path: Path, device: torch.device) -> Chain:
    """Read what `write_chain` wrote."""
    try:
        with np.load(path, allow_pickle=False) as held:
            plain, bits = json.loads(held["plain"].tobytes()), held["bits"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{str(path)!r} holds no masks ({error}): delete it") from error
    rows = np.unpackbits(bits, axis=1, count=plain["width"]).astype(bool)
    kept, *passed = (torch.from_numpy(row).to(device) for row in rows)
    return Chain(
        plain["method"],
        kept,
        plain["iteration"],
        tuple(plain["log"]),
        tuple(plain["layers"]),
        dict(zip(plain["passed"], passed, strict=True)),
        plain.get("free", False),
    )


def write_progress(path: Path, now: Progress) -> None:
    """Write a checkpoint of post-training."""
    plain = {"epoch": now.epoch, "stopping": asdict(now.stopping), "log": now.log}
    parts = {"state": dict(now.state), "best": dict(now.best), "optimizer": dict(now.optimizer)}
    _write(path, {**parts, "plain": json.dumps(plain)})


def read_progress(path: Path, device: torch.device) -> Progress:
    """Read what `write_progress` wrote."""
    held = _read(path, device)
    plain = json.loads(held["plain"])
    parts = (held[name] for name in ("state", "best", "optimizer"))
    return Progress(plain["epoch"], *parts, Stopping(**plain["stopping"]), tuple(plain["log"]))


def _write(path: Path, content: dict[str, Any]) -> None:
    stream = io.BytesIO()
    torch.save(content, stream)
    write_atomic(path, stream.getvalue())


def _read(path: Path, device: torch.device) -> Any:
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # the reader fails in many ways
        reason = str(error).partition("\n")[0]
        raise DataError(f"{str(path)!r} is damaged ({reason}): delete it") from error
