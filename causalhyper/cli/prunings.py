"""The prunings command: frames of prunings in, a report out."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.text import Text

from causalhyper.cli.console import make_console, print_bytes, written_line
from causalhyper.errors import ConfigurationError
from causalhyper.frames import checksum, select_runs, write_together
from causalhyper.frames.reading import read_frame
from causalhyper.report.pruning import pruning_document, pruning_files, report_prunings

EXTRA = {"layers": "layer", "overlap": "pair of masks", "flatness": "number", "surfaces": "point"}
"""Options that name a frame beside the runs, and what its rows are."""


@dataclass(frozen=True, slots=True)
class PruningRequest:
    """One call of ``causalhyper prunings``; the fields are its options."""

    runs: Path
    out: Path
    baseline: str
    outcome: str
    by: tuple[str, ...]
    where: tuple[str, ...]
    layers: Path | None
    overlap: Path | None
    flatness: Path | None
    surfaces: Path | None
    test_size: int | None
    floor: float | None
    level: float
    json: bool
    quiet: bool

    @property
    def command(self) -> str:
        """The call as one would type it."""
        words = ["causalhyper", "prunings", str(self.runs), "--out", str(self.out)]
        words += ["--baseline", self.baseline, "--outcome", self.outcome]
        words += [w for name in self.by for w in ("--by", name)]
        words += [w for rule in self.where for w in ("--where", rule)]
        for option in (*EXTRA, "test_size", "floor"):
            if (value := getattr(self, option)) is not None:
                words += [f"--{option.replace('_', '-')}", str(value)]
        return shlex.join([*words, "--level", f"{self.level:g}"])


def report_on(request: PruningRequest) -> None:
    """Read the frames, compare, and only then write.

    Parameters
    ----------
    request : PruningRequest

    Raises
    ------
    ConfigurationError
        If an option is wrong, or a target cannot be written.
    DataError
        If a frame is.
    """
    if request.out.exists() and not request.out.is_dir():
        raise ConfigurationError(f"--out {str(request.out)!r} is a file: name a folder")
    if request.surfaces and not request.flatness:
        raise ConfigurationError("--surfaces are shown beside --flatness: give its frame too")
    paths = [request.runs]
    frames: dict[str, pd.DataFrame | None] = dict.fromkeys(EXTRA)
    for name, unit in EXTRA.items():
        if (path := getattr(request, name)) is not None:
            paths.append(path)
            frames[name] = read_frame(path, unit)
    runs = select_runs(read_frame(request.runs, "run"), request.where)
    report = report_prunings(
        runs,
        baseline=request.baseline,
        outcome=request.outcome,
        by=request.by,
        test_size=request.test_size,
        floor=request.floor,
        level=request.level,
        layers=frames["layers"],
        overlap=frames["overlap"],
        flatness=frames["flatness"],
        surfaces=frames["surfaces"],
    )
    checksums = [(path.name, checksum(path)) for path in paths]
    files = pruning_files(report, request.out, request.command, checksums)
    write_together(files)
    if request.json:
        print_bytes(pruning_document(report, request.command, checksums))
    if not request.quiet:
        console = make_console(stderr=request.json)
        for title, verdict in report.verdicts.items():
            console.print(Text(f"{title}: {verdict}"))
        console.print(Text(written_line(files)))
