"""Stores to test with, and a reader that knows nothing but the page that specifies the format."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np

from causalhyper.frames.trajectory import Layer, TrajectoryWriter

LAYERS = (Layer("conv.weight", (2, 3, 2)), Layer("conv.bias", (2,)), Layer("scale", ()))


def changes(steps, layers=LAYERS, seed=0, scale=1e-5):
    """Draw the changes of some steps: small numbers, some of them zero."""
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(steps):
        values = {layer.name: rng.normal(size=layer.shape) * scale for layer in layers}
        kept = {name: v * (rng.random(v.shape) > 0.1) for name, v in values.items()}
        drawn.append({name: np.float32(v) for name, v in kept.items()})
    return drawn


def columns_of(row):
    """Return the steps frame's values of a step."""
    return {"step": 3 * row, "epoch": row / 8, "loss": 1 / (row + 1), "loss_after": 0.5**row}


def write(folder, drawn, layers=LAYERS, **options):
    """Record all steps and close."""
    options = {"block_steps": 4, "block_columns": 5, **options}
    with TrajectoryWriter.create(folder, layers=layers, **options) as writer:
        for row, values in enumerate(drawn):
            writer.append(values, **columns_of(row))
    return folder


def contents(folder):
    """Return the bytes of every file."""
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def flat(drawn, name):
    """Return the changes of a layer, one row a step."""
    return np.array([np.ravel(values[name]) for values in drawn])


def brute_force(folder):
    """Read every value by itself, as docs/trajectories.md says; return manifest, lines, values."""
    folder = Path(folder)
    text = (folder / "manifest.json").read_bytes()
    manifest = json.loads(text)
    blank = text.replace(manifest["checksum"].encode(), b"00000000", 1)
    assert zlib.crc32(blank) == int(manifest["checksum"], 16)
    lines = []
    for line in (folder / "journal").read_bytes().split(b"\n")[:-1]:
        assert zlib.crc32(line[9:]) == int(line[:8], 16)
        lines.append(json.loads(line[9:]))
    values = {}
    for place, layer in enumerate(manifest["layers"]):
        data = (folder / layer["file"]).read_bytes()
        size = 1
        for extent in layer["shape"]:
            size *= extent
        values[layer["name"]] = [
            [_value(manifest, line, place, data, size, column) for column in range(size)]
            for line in lines
        ]
    _check_index(folder, manifest, lines)
    return manifest, lines, values


def _check_index(folder, manifest, lines):
    """Compare the index of a closed store with its lines, number by number."""
    found = manifest.get("index")
    if found is None:
        return
    data = (folder / "index").read_bytes()
    assert zlib.crc32(data) == int(found["checksum"], 16)
    assert found["journal"] == (folder / "journal").stat().st_size
    told = b""
    for line in lines:
        told += b"".join(struct.pack("<i", exponent) for exponent in line["exponents"])
        for text in line["sums"]:
            blocks = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
            told += struct.pack(f"<{len(blocks)}I", *blocks)
    assert data == told


def _value(manifest, line, place, data, size, column):
    """Read one value, and check the checksum of its block's row."""
    steps, wide = manifest["block_steps"], manifest["block_columns"]
    letter, width = {
        "float32": ("<f", 4),
        "float64": ("<d", 8),
        "float16": ("<e", 2),
        "bfloat16": ("<H", 2),
    }[manifest["dtype"]]
    whole, rest = divmod(line["row"], steps)
    first = column - column % wide
    extent = min(wide, size - first)
    begin = (whole * steps * size + steps * first + rest * extent) * width
    wanted = int(line["sums"][place][8 * (first // wide) :][:8], 16)
    assert zlib.crc32(data[begin : begin + extent * width]) == wanted
    found = struct.unpack_from(letter, data, begin + (column - first) * width)[0]
    if manifest["dtype"] == "float16":
        return found * 2.0 ** line["exponents"][place]
    if manifest["dtype"] == "bfloat16":
        return struct.unpack("<f", struct.pack("<I", found << 16))[0]
    return found
