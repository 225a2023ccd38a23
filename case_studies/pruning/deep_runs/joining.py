"""The parts that were written, put together."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from case_studies.pruning.stacked_runs.joining import KINDS, smaller
from causalhyper.errors import DataError
from causalhyper.frames.reading import read_frame
from causalhyper.frames.writing import write_frame


def join(out: Path, name: str = "deep") -> list[Path]:
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
        Overlaps are of the seeds whose methods have all been pruned.

    Raises
    ------
    DataError
        If no network is finished.
    """
    written = []
    for kind, ending in KINDS.items():
        parts = [p for p in sorted(out.glob(f"*-s*{ending}")) if not p.name.startswith(name)]
        if not parts:
            raise DataError(f"no part *{ending} is in {str(out)!r}: run without --join first")
        frame = pd.concat([read_frame(path, "rows") for path in parts], ignore_index=True)
        path = out / f"{name}_{kind}.parquet"
        write_frame(path, smaller(frame))
        written.append(path)
    return written
