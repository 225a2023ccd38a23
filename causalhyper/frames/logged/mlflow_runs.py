"""What MLflow's two stores share: experiments chosen by name, facts and tags of a run."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class MlflowExperiment:
    """An experiment in a store.

    Parameters
    ----------
    key : str
        Its id.
    name : str
        Its name.
    deleted : bool
        Whether it was deleted.
    """

    key: str
    name: str
    deleted: bool


def select_experiments(
    experiments: Sequence[MlflowExperiment],
    wanted: str | Sequence[str] | None,
    deleted: bool,
    place: str,
) -> list[MlflowExperiment]:
    """Choose experiments by name.

    Parameters
    ----------
    experiments : sequence of MlflowExperiment
        All of a store.
    wanted : str or sequence of str or None
        Names; None for all.
    deleted : bool
        Whether deleted ones are chosen too.
    place : str
        The store's path, for the message.

    Returns
    -------
    list of MlflowExperiment
        In the order of the store.

    Raises
    ------
    ConfigurationError
        If a name is not there.

    Examples
    --------
    >>> store = [MlflowExperiment("0", "Default", False), MlflowExperiment("1", "sweep", False)]
    >>> [e.key for e in select_experiments(store, "sweep", False, "mlruns")]
    ['1']
    """
    there = [e for e in experiments if deleted or not e.deleted]
    if wanted is None:
        return there
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    known = list(dict.fromkeys(e.name for e in there))
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            gone = any(e.name == name for e in experiments)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known)}"
            hint = "it was deleted there: pass deleted=True" if gone else hint
            raise ConfigurationError(f"no experiment {name!r} in {place!r}; {hint}")
    return [e for e in there if e.name in names]


def facts_of(
    label: str | None,
    experiment: str,
    status: str,
    start: int | None,
    end: int | None,
    tags: Mapping[str, str],
) -> dict[str, object]:
    """Gather what the store itself says of a run.

    Parameters
    ----------
    label : str or None
        The run's name.
    experiment : str
        Name of its experiment.
    status : str
        FINISHED, FAILED, KILLED, RUNNING or SCHEDULED.
    start, end : int or None
        Milliseconds since 1970.
    tags : mapping of str
        All tags of the run.

    Returns
    -------
    dict
        ``wall_seconds`` is missing while a run goes on; ``parent_run_id`` is that of a nested
        run.
    """
    parent = tags.get("mlflow.parentRunId")
    seconds = np.nan if start is None or end is None else (end - start) / 1000
    facts: dict[str, object] = {
        "run_name": label or tags.get("mlflow.runName"),
        "experiment": experiment,
        "status": status,
        "wall_seconds": seconds,
    }
    return facts | ({"parent_run_id": parent} if parent else {})


def user_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that are not MLflow's own.

    Parameters
    ----------
    tags : mapping of str
        All tags of a run.

    Returns
    -------
    dict of str
        Those whose name does not begin with ``mlflow.``.

    Examples
    --------
    >>> user_tags({"mlflow.user": "me", "design": "equal updates"})
    {'design': 'equal updates'}
    """
    return {key: value for key, value in tags.items() if not key.startswith("mlflow.")}


def describe_selection(left_out: int) -> tuple[str, ...]:
    """Say how many deleted runs were left out.

    Parameters
    ----------
    left_out : int
        Their number.

    Returns
    -------
    tuple of str
        A note, or none.

    Examples
    --------
    >>> describe_selection(2)
    ('left out: 2 deleted runs (deleted=True reads them)',)
    """
    if not left_out:
        return ()
    runs = "1 deleted run" if left_out == 1 else f"{left_out} deleted runs"
    return (f"left out: {runs} (deleted=True reads them)",)
