"""The parts that were written, put together."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from case_studies.pruning.stacked_runs.jobs import LAYER_COLUMNS
from causalhyper.errors import DataError
from causalhyper.frames.reading import read_frame
from causalhyper.frames.writing import write_frame

KINDS = {
    "runs": "-log.parquet",
    "layers": "-layers.parquet",
    "overlaps": "-overlaps.parquet",
    "seconds": "-seconds.parquet",
}
SHORT = ("iteration", "epoch", "entries", "before", "kept", "kept_other", "both", "seed")


def join(out: Path, name: str = "lenet_stacked") -> list[Path]:
    """Write ``NAME_runs.parquet``, ``..._layers``, ``..._overlaps`` and ``..._seconds``.

    Parameters
    ----------
    out : Path
        Folder of the parts, and of the files.
    name : str
        Begins the names of the files.

    Returns
    -------
    list of Path
        Of kinds that have parts: masks are compared by a stage of its own. The rows of tuning
        are in the runs, under the protocol "tuning".

    Raises
    ------
    DataError
        If there are no runs.
    """
    joined: dict[Path, pd.DataFrame] = {}
    for kind, ending in KINDS.items():
        parts = sorted(path for path in out.glob(f"*-s*{ending}"))
        if parts:
            frame = pd.concat([read_frame(path, "rows") for path in parts], ignore_index=True)
            frame = frame[LAYER_COLUMNS] if kind == "layers" else frame
            joined[out / f"{name}_{kind}.parquet"] = smaller(frame)
        elif kind == "runs":
            raise DataError(f"no part *{ending} is in {str(out)!r}: run without --join first")
    for path, frame in joined.items():
        write_frame(path, frame)
    return list(joined)


def smaller(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the same in short types: counts in int32, losses and accuracies in float32."""
    types: dict[str, str] = {column: "int32" for column in SHORT if column in frame}
    for column in frame.select_dtypes("float64"):
        if str(column).endswith(("_loss", "_accuracy", "seconds", "gigabytes")):
            types[str(column)] = "float32"
    words = [str(column) for column in frame.columns if frame[column].dtype == object]
    return frame.astype(types | dict.fromkeys(words, "string"))
