"""A study as its file describes it, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from causalhyper.frames import Roles
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.scm.options import Options


@dataclass(frozen=True, slots=True)
class StudyData:
    """Which runs are analysed, and what is resampled together.

    Attributes
    ----------
    runs : Path
        The runs frame's file.
    where : tuple of str
        Conditions ``column=value`` that all runs meet.
    cluster, context : tuple of str
        As those of `causalhyper.fit`.
    each : tuple of str
        Columns; every combination of their values is analysed apart.
    """

    runs: Path
    where: tuple[str, ...]
    cluster: tuple[str, ...]
    context: tuple[str, ...]
    each: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Protocols:
    """What was held equal while the treatment varied: one sentence, or one for each design.

    Attributes
    ----------
    sentence : str
        Of all runs; "" where `by` is given.
    by : str
        Column whose values are designs, each analysed apart; "" without any.
    sentences : mapping of str to str
        Value of that column to its protocol.
    """

    sentence: str
    by: str
    sentences: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """One query: its verb, and the options that the file gives, by their keys.

    Attributes
    ----------
    number : int
        Its place among the queries of the file, from 1.
    verb : str
    options : mapping
        As written in its table.
    arguments : mapping
        What the verb gets, with what [question] and [uncertainty] say.
    """

    number: int
    verb: str
    options: Mapping[str, Any]
    arguments: Mapping[str, Any]

    def __str__(self) -> str:
        return f"[[query]] {self.number} ({self.verb})"


@dataclass(frozen=True, slots=True)
class StudyOutput:
    """What is written, and where.

    Attributes
    ----------
    folder : Path
    title : str
        Of the report.
    html, json, csv : bool
        Whether the report, the document of all results, and a table a query are written.
    """

    folder: Path
    title: str
    html: bool
    json: bool
    csv: bool


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """A study file that has been read and checked.

    Attributes
    ----------
    source : Path
        The file.
    text, sha256 : str
        What stands in it, and the checksum of its bytes.
    data : StudyData
    roles : Roles
    graph : DirectedHypergraph
    treatment, outcome : str
        Nodes.
    at : tuple of float
        Treatment values to compare with `baseline`; empty where no query needs them.
    baseline : float or None
    protocols : Protocols
    mechanisms : mapping of str to options
        For every node that has causes.
    outcome_range : (float, float) or None
    queries : tuple of AskedQuery
    output : StudyOutput
    guesses : tuple of str
        What was guessed from runs alone, in words; empty where a file says it.
    """

    source: Path
    text: str
    sha256: str
    data: StudyData
    roles: Roles
    graph: DirectedHypergraph
    treatment: str
    outcome: str
    at: tuple[float, ...]
    baseline: float | None
    protocols: Protocols
    mechanisms: Mapping[str, Options]
    outcome_range: tuple[float, float] | None
    queries: tuple[AskedQuery, ...]
    output: StudyOutput
    guesses: tuple[str, ...] = ()
