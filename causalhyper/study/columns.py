"""Columns that a study file names, held against those of its runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from causalhyper.errors import DataError
from causalhyper.frames import Roles, read_runs, select_runs
from causalhyper.hypergraph.names import nearest
from causalhyper.scm import Binomial
from causalhyper.scm.options import Options
from causalhyper.study.faults import Faults
from causalhyper.study.plan import AskedQuery, Protocols, StudyData


def check_columns(
    data: StudyData | None,
    roles: Roles | None,
    protocols: Protocols,
    mechanisms: Mapping[str, Options],
    queries: Sequence[AskedQuery],
    faults: Faults,
) -> None:
    """Note every column that is named and not there, and designs without a sentence.

    Parameters
    ----------
    data : StudyData or None
        None where its table is at fault itself.
    roles : Roles or None
    protocols : Protocols
    mechanisms : mapping of str to options
    queries : sequence of AskedQuery
    faults : Faults
        Gets what is wrong.

    Raises
    ------
    DataError
        If the runs cannot be read, or a condition leaves none; other faults come first.
    """
    if data is None:
        return
    try:
        frame: pd.DataFrame | None = faults.attempt("[data] runs", read_runs, data.runs)
        if frame is None:
            return
        columns = [str(name) for name in frame.columns]
        named = [*_of_data(data), *_of_roles(roles), *_of_options(protocols, mechanisms, queries)]
        for place, column in named:
            if column not in columns:
                hint = nearest(column, columns)
                faults.add(
                    place,
                    f"{data.runs.name} has no column {column!r}{hint or '; it has '}"
                    f"{'' if hint else ', '.join(columns)}",
                )
        kept = faults.attempt("[data] where", select_runs, frame, data.where)
    except DataError:
        faults.settle()
        raise
    if kept is not None and protocols.by in columns:
        _check_designs(kept[protocols.by].astype(str), protocols, faults)


def _of_data(data: StudyData) -> Iterator[tuple[str, str]]:
    for key in ("cluster", "context", "each"):
        yield from ((f"[data] {key}", column) for column in getattr(data, key))


def _of_roles(roles: Roles | None) -> Iterator[tuple[str, str]]:
    for role in roles.values() if roles is not None else ():
        yield f"[roles] {role.node}", role.column


def _of_options(
    protocols: Protocols, mechanisms: Mapping[str, Options], queries: Sequence[AskedQuery]
) -> Iterator[tuple[str, str]]:
    if protocols.by:
        yield "[protocol] by", protocols.by
    for node, options in mechanisms.items():
        if isinstance(options, Binomial):
            yield f"[model.mechanisms] {node}", options.trials
    for query in queries:
        cost = query.arguments.get("cost", {})
        yield from ((f"{query} cost", column) for column in cost if isinstance(column, str))
        if (by := query.options.get("by")) and by not in ("context", "cluster"):
            yield f"{query} by", by


def _check_designs(designs: pd.Series, protocols: Protocols, faults: Faults) -> None:
    """Each design needs a sentence, and each sentence a design."""
    there = sorted(designs.unique())
    for value in there:
        if value not in protocols.sentences and protocols.sentences:
            hint = nearest(value, protocols.sentences)
            faults.add("[protocol.sentences]", f"{protocols.by} {value!r} has no sentence{hint}")
    for value in protocols.sentences:
        if value not in there:
            faults.add(
                f"[protocol.sentences] {value}",
                f"no run has {protocols.by} {value!r}; there are {', '.join(there)}",
            )
