"""Which logger wrote a file or folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from causalhyper.errors import ConfigurationError
from causalhyper.frames.logged import lightning, trainer_state, wandb_exports
from causalhyper.frames.logged.mlflow_database import check_database
from causalhyper.frames.logged.mlflow_files import check_file_store
from causalhyper.frames.logged.tables import read_header

Kind = Literal["mlflow", "tensorboard", "wandb", "lightning", "huggingface", "frame"]
KINDS: tuple[Kind, ...] = (
    "mlflow",
    "tensorboard",
    "wandb",
    "lightning",
    "huggingface",
    "frame",
)
_FRAMES = (".parquet", ".csv", ".csv.gz")


def find_path(place: str | Path) -> Path:
    """Return the path of a file or folder, given so or as a local tracking URI.

    Parameters
    ----------
    place : str or Path
        A path, ``sqlite:///mlflow.db`` or ``file:///home/me/mlruns``.

    Returns
    -------
    Path
        The path, which exists.

    Raises
    ------
    ConfigurationError
        If nothing is there, or the URI is that of a server.

    Examples
    --------
    >>> find_path("https://tracking.example.org")
    Traceback (most recent call last):
    ...
    causalhyper.errors.ConfigurationError: 'https://tracking.example.org' is a server; expected \
a file or folder: export its runs, or copy its database
    """
    text = str(place)
    for scheme in ("sqlite:///", "file://", "file:"):
        if text.startswith(scheme):
            text = text.removeprefix(scheme)
            break
    if isinstance(place, str) and "://" in text:
        raise ConfigurationError(
            f"{text!r} is a server; expected a file or folder: export its runs, or copy its "
            "database"
        )
    path = Path(text)
    if not path.exists():
        raise ConfigurationError(f"no file or folder {text!r}: check the path")
    return path


def recognise_source(path: Path) -> Kind:
    r"""Tell which logger wrote what is at a path.

    Parameters
    ----------
    path : Path
        A file or folder that exists.

    Returns
    -------
    str
        One of `KINDS`.

    Raises
    ------
    ConfigurationError
        If it is none that is known, or could be several.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "runs.csv")
    ...     _ = file.write_text("run_id,batch_size\na,32\n")
    ...     recognise_source(file)
    'frame'
    """
    if path.is_file():
        found = _file_kind(path)
        if found is None:
            raise ConfigurationError(
                f"cannot tell what {str(path)!r} is; expected an MLflow database, an event file, "
                f"{lightning.METRICS}, {trainer_state.STATE}, an export of Weights & Biases, or "
                "a runs frame (.parquet, .csv, .csv.gz)"
            )
        return found
    kinds = [kind for kind, holds in _FOLDERS.items() if holds(path)]
    if len(kinds) == 1:
        return kinds[0]
    if not kinds:
        raise ConfigurationError(
            f"the folder {str(path)!r} holds no log that is known: name the log's own folder, or "
            "say what it is by kind"
        )
    raise ConfigurationError(
        f"the folder {str(path)!r} holds several logs: say by kind which to read, "
        f"{' or '.join(map(repr, kinds))}"
    )


def _file_kind(path: Path) -> Kind | None:
    name = path.name.casefold()
    if "tfevents" in name:
        return "tensorboard"
    if name.endswith(".wandb"):
        return "wandb"
    if name == trainer_state.STATE:
        return "huggingface"
    if name == lightning.METRICS and "step" in read_header(path):
        return "lightning"
    if name.endswith(".csv"):
        names = read_header(path)
        if wandb_exports.check_chart(names) or wandb_exports.check_runs_table(names):
            return "wandb"
    if name.endswith((".json", ".jsonl")):
        return "wandb"
    if name.endswith(_FRAMES):
        return "frame"
    return "mlflow" if check_database(path) else None


def _any(found: Iterable[Path]) -> bool:
    return any(True for _ in found)


def _holds_mlflow(path: Path) -> bool:
    return (path / "mlflow.db").is_file() or any(map(check_file_store, (path, path / "mlruns")))


def _holds_wandb(path: Path) -> bool:
    return _any(path.rglob("*.wandb")) or _any(path.rglob("wandb-summary.json"))


_FOLDERS: dict[Kind, Callable[[Path], bool]] = {
    "mlflow": _holds_mlflow,
    "huggingface": lambda path: _any(path.rglob(trainer_state.STATE)),
    "wandb": _holds_wandb,
    "lightning": lambda path: _any(path.rglob(lightning.METRICS)),
    "tensorboard": lambda path: _any(path.rglob("*tfevents*")),
}
