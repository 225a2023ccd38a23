"""Files of one network's measurements, each written whole, and the frames made of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from case_studies.pruning.curvature_runs.measuring import Wanted
from case_studies.pruning.kept_weights import ENDING, KeptNetwork, read_weights
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.reading import read_frame
from causalhyper.frames.writing import write_frame

KINDS = ("flatness", "surfaces")
FOLDER = "parts"
NETWORK = ["dataset", "network", "protocol", "pruned", "method", "seed"]
"""What tells networks apart."""
MEASURED = {
    "flatness": ["quantity", "space", "rank"],
    "surfaces": ["space", "alpha", "beta"],
}
"""What tells the rows of one network apart."""


@dataclass(frozen=True, slots=True)
class Which:
    """Which networks are measured, and of which surfaces are drawn.

    Attributes
    ----------
    datasets, protocols, methods : tuple of str
        Those that are measured; none given means all that were kept.
    seeds : tuple of int
        Likewise.
    surface_methods : tuple of str
        Whose surfaces.
    surface_seeds : int
        Of the first seeds, so many.
    """

    datasets: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    surface_methods: tuple[str, ...] = (
        "dense", "magnitude", "lamp", "movement", "causal-covariance", "causal-published-1e-14",
        "magnitude at causal-published-1e-14",
    )  # fmt: skip
    surface_seeds: int = 1

    def takes(self, network: KeptNetwork) -> bool:
        """Whether a network is measured; those without a weight left are not."""
        asked = {
            "dataset": self.datasets,
            "protocol": self.protocols,
            "method": self.methods,
            "seed": self.seeds,
        }
        if network.is_empty:
            return False
        return all(not wanted or network.names[key] in wanted for key, wanted in asked.items())


def missing_parts(
    weights: Path, which: Which, wanted: Wanted, out: Path
) -> Iterator[tuple[KeptNetwork, str, Path]]:
    """List what is still to be measured, seed by seed, so that what there is is paired.

    Parameters
    ----------
    weights : Path
        Where the runs left their files; one at a time is held.
    which : Which
    wanted : Wanted
    out : Path

    Yields
    ------
    network : KeptNetwork
    kind : {"flatness", "surfaces"}
        The flatness of all networks of a file, then surfaces.
    path : Path
        The missing file.

    Raises
    ------
    DataError
        If there is no file of weights.
    ConfigurationError
        If no network in them is one asked for.
    """
    paths = sorted(weights.glob(f"*-s*{ENDING}"), key=lambda path: (_seed(path), path.name))
    if not paths:
        raise DataError(
            f"{str(weights)!r} has no file *{ENDING}: stacked_runs writes them with --kept-seeds, "
            "deep_runs with --keep"
        )
    seeds = sorted(
        {_seed(path) for path in paths if not which.seeds or _seed(path) in which.seeds}
    )
    found = False
    for path in paths:
        networks = [network for network in read_weights(path) if which.takes(network)]
        found = found or bool(networks)
        drawn = networks if _seed(path) in seeds[: which.surface_seeds] else []
        drawn = [n for n in drawn if n.names["method"] in which.surface_methods]
        for kind, own in (("flatness", networks), ("surfaces", drawn)):
            for network in own:
                part = part_path(out, network, kind, wanted)
                if not part.exists():
                    yield network, kind, part
    if not found:
        raise ConfigurationError(f"no kept network in {str(weights)!r} is one asked for")


def _seed(path: Path) -> int:
    found = re.search(r"-s(\d+)-", path.name)
    return int(found[1]) if found else -1


def part_path(out: Path, network: KeptNetwork, kind: str, wanted: Wanted) -> Path:
    """Name a network's file: other weights or another way to measure give another name.

    Parameters
    ----------
    out : Path
    network : KeptNetwork
    kind : {"flatness", "surfaces"}
    wanted : Wanted

    Returns
    -------
    Path
    """
    surface = ("points", "span")
    shared = ("examples", "batch")
    options = {
        name: getattr(wanted, name)
        for name in wanted.__slots__
        if name in shared or (name in surface) == (kind == "surfaces")
    }
    digest = hashlib.sha256(repr(sorted(options.items())).encode())
    digest.update(network.kept.numpy().tobytes())
    digest.update(network.row.numpy().tobytes())
    run = str(network.names["run_id"]).replace(" ", "_").replace("/", "_")
    return out / FOLDER / f"{run}-{digest.hexdigest()[:10]}-{kind}.parquet"


def join(out: Path) -> list[Path]:
    """Write ``NETWORK_flatness.parquet`` and ``NETWORK_surfaces.parquet`` of what parts there are.

    Parameters
    ----------
    out : Path
        Folder of the frames; parts are in its folder `FOLDER`.

    Returns
    -------
    list of Path

    Raises
    ------
    DataError
        If there is no part, or two are of the same network.
    """
    written = []
    for kind in KINDS:
        paths = sorted((out / FOLDER).glob(f"*-{kind}.parquet"))
        if not paths:
            continue
        frames = [read_frame(path, "row") for path in paths]
        _check_single(paths, frames, kind)
        order = [*NETWORK, *MEASURED[kind]]
        every = pd.concat(frames, ignore_index=True)
        every = smaller(every.sort_values(order, kind="stable", ignore_index=True))
        for network, frame in every.groupby("network"):
            written.append(out / f"{str(network).lower()}_{kind}.parquet")
            write_frame(written[-1], frame.reset_index(drop=True))
    if not written:
        raise DataError(f"no part is in {str(out / FOLDER)!r}: run without --join first")
    return written


def _check_single(paths: Sequence[Path], frames: Sequence[pd.DataFrame], kind: str) -> None:
    known: dict[str, Path] = {}
    for path, frame in zip(paths, frames, strict=True):
        key = "-".join(map(str, frame[NETWORK].iloc[0]))
        if key in known:
            raise DataError(
                f"{known[key].name} and {path.name} are of the same network, measured in two "
                f"ways or with other weights: remove the one whose {kind} you do not want"
            )
        known[key] = path


def smaller(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the same in short types.

    Parameters
    ----------
    frame : DataFrame

    Returns
    -------
    DataFrame
        Measurements in float32, seeds and ranks in int32; shares pruned as they were.
    """
    numbers = [str(c) for c in frame.select_dtypes("float64") if c not in ("pruned",)]
    whole = [c for c in ("seed", "rank") if c in frame]
    words = [str(c) for c in frame.columns if frame[c].dtype == object]
    types = dict.fromkeys(numbers, "float32") | dict.fromkeys(whole, "int32")
    return frame.astype(types | dict.fromkeys(words, "string"))
