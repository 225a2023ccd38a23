"""The door for logs: one verb for every source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from causalhyper.errors import ConfigurationError
from causalhyper.frames.logged.assembly import Content, assemble
from causalhyper.frames.logged.lightning import read_csv_logger
from causalhyper.frames.logged.logged import Logged, LoggedRun
from causalhyper.frames.logged.mlflow_database import read_database
from causalhyper.frames.logged.mlflow_files import check_file_store, read_file_store
from causalhyper.frames.logged.recognition import KINDS, Kind, find_path, recognise_source
from causalhyper.frames.logged.tensorboard import read_event_folder
from causalhyper.frames.logged.trainer_state import read_trainer_states
from causalhyper.frames.logged.wandb_exports import read_wandb_export
from causalhyper.frames.logged.wandb_folders import read_wandb_folder
from causalhyper.frames.reading import read_runs


def read_logged(
    path: str | Path,
    kind: Kind | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    step_columns: Mapping[str, str] | None = None,
    experiment: str | Sequence[str] | None = None,
    deleted: bool = False,
) -> Logged:
    r"""Read runs and steps from what a logger wrote.

    No file is changed, nothing is unpickled, no code from a file is run, and no logger needs to
    be installed.

    Parameters
    ----------
    path : str or Path
        An MLflow database or file store (its local tracking URI too), TensorBoard event files,
        Weights & Biases folders or exports, Lightning's CSV logs, Hugging Face's training
        folders, or a runs frame.
    kind : str, optional
        "mlflow", "tensorboard", "wandb", "lightning", "huggingface" or "frame"; found out by
        default.
    columns : mapping of str, optional
        From names in the log to columns of the runs frame, such as
        ``{"val/acc": "test_accuracy"}``. Other spellings of known columns are recognised.
    step_columns : mapping of str, optional
        The same for the steps frame.
    experiment : str or sequence of str, optional
        MLflow: names of experiments; all by default.
    deleted : bool
        MLflow: whether deleted runs are read too.

    Returns
    -------
    Logged
        Runs, steps, and in words what was recognised, renamed and left out. Failed, killed and
        running runs are kept, with their ``status``: a run that diverged is an outcome.

    Raises
    ------
    ConfigurationError
        If nothing is there, it cannot be recognised, or an option does not fit it.
    DataError
        If what is there is damaged, or holds no runs.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "metrics.csv")
    ...     _ = file.write_text("step,train_loss,val_acc\n0,0.5,\n0,,0.9\n1,0.4,\n")
    ...     log = read_logged(file)
    >>> log.steps[["step", "loss", "val_acc"]].to_dict("list")
    {'step': [0, 1], 'loss': [0.5, 0.4], 'val_acc': [0.9, nan]}
    """
    place = find_path(path)
    if kind is not None and kind not in KINDS:
        raise ConfigurationError(f"unknown kind {kind!r}; expected one of {', '.join(KINDS)}")
    kind = kind or recognise_source(place)
    if kind == "mlflow":
        content = _read_mlflow(place, experiment, deleted)
    elif experiment is not None or deleted:
        raise ConfigurationError(
            f"experiment and deleted select runs of MLflow; {str(place)!r} is {kind}: leave them "
            "out, and select rows of the runs frame"
        )
    else:
        content = _read(place, kind)
    return assemble(content, columns=columns, step_columns=step_columns)


def _read(place: Path, kind: Kind) -> Content:
    if kind == "tensorboard":
        return read_event_folder(place)
    if kind == "lightning":
        return read_csv_logger(place)
    if kind == "huggingface":
        return read_trainer_states(place)
    if kind == "wandb":
        export = place.is_file() and place.suffix != ".wandb"
        return read_wandb_export(place) if export else read_wandb_folder(place)
    return _read_frame(place)


def _read_mlflow(place: Path, experiment: str | Sequence[str] | None, deleted: bool) -> Content:
    """Read a database or a file store, the database first where both lie in a folder."""
    if place.is_file():
        return read_database(place, experiment=experiment, deleted=deleted)
    if (place / "mlflow.db").is_file():
        return read_database(place / "mlflow.db", experiment=experiment, deleted=deleted)
    store = place if check_file_store(place) else place / "mlruns"
    if not check_file_store(store):
        raise ConfigurationError(
            f"no MLflow store in {str(place)!r}; expected mlflow.db, mlruns, or a folder of "
            "experiments"
        )
    return read_file_store(store, experiment=experiment, deleted=deleted)


def _read_frame(place: Path) -> Content:
    """Read a table of runs; rows without a name are numbered."""
    frame = read_runs(place)
    records = frame.to_dict("records")
    runs = [
        LoggedRun(
            str(row.pop("run_id", f"row {i}")),
            parameters={str(name): value for name, value in row.items()},
        )
        for i, row in enumerate(records, start=1)
    ]
    return Content("frame", f"runs frame {str(place)!r}", runs, mixed=True)
