"""Reading a study file: all that is wrong with it at once, or a plan."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.frames import Role, Roles
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.hypergraph.paths import check_ends
from causalhyper.scm.options import Options
from causalhyper.study.columns import check_columns
from causalhyper.study.faults import Faults
from causalhyper.study.guessed_plans import holds_runs
from causalhyper.study.keys import read_table
from causalhyper.study.mechanisms import DEFAULT, parse_mechanisms
from causalhyper.study.plan import Protocols, StudyData, StudyOutput, StudyPlan
from causalhyper.study.questions import read_queries
from causalhyper.study.tables import (
    DATA,
    HYPERGRAPH,
    MODEL,
    PROTOCOL,
    QUESTION,
    REPORT,
    TOP,
    UNCERTAINTY,
)


def read_study(path: str | Path) -> StudyPlan:
    r"""Read a study file and check it, also against the columns of its runs.

    Parameters
    ----------
    path : str or Path
        A TOML file; docs/study-file.md says what it holds. Files that it names are sought from
        its own folder.

    Returns
    -------
    StudyPlan

    Raises
    ------
    ConfigurationError
        If the file cannot be read, or describes no study; one message lists every fault, each
        with its table and key.
    DataError
        If the runs' file is damaged, or a condition leaves no run.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "study.toml")
    ...     _ = path.write_text("[data]\nrun = 'runs.csv'\n[roles]\nB = 'batch_size'\n")
    ...     try:
    ...         read_study(path)
    ...     except ConfigurationError as error:
    ...         print(str(error).splitlines()[1].strip())
    - hypergraph: is missing; expected a table
    """
    path = Path(path)
    content, tables = _load(path)
    faults = Faults(str(path), [])
    top = read_table(tables, TOP, "", faults)
    data = _data(top.get("data"), path.parent, faults)
    graph = _graph(top.get("hypergraph"), faults)
    roles = _roles(top.get("roles"), graph, faults)
    question = _question(top.get("question"), graph, faults)
    protocols = _protocols(top.get("protocol"), faults)
    mechanisms, limits = _model(top.get("model", {}), graph, faults)
    uncertainty = read_table(top.get("uncertainty", {}), UNCERTAINTY, "[uncertainty]", faults)
    queries = read_queries(top.get("query"), question, uncertainty, graph, faults)
    output = _output(top, path, faults)
    check_columns(data, roles, protocols, mechanisms, queries, faults)
    faults.settle()
    if data is None or graph is None or roles is None:
        raise CausalHyperError(f"{path} was read as faultless and is not; please report it")
    return StudyPlan(
        source=path,
        text=content.decode(),
        sha256=hashlib.sha256(content).hexdigest(),
        data=data,
        roles=roles,
        graph=graph,
        treatment=question["treatment"],
        outcome=question["outcome"],
        at=question.get("at", ()),
        baseline=question.get("baseline"),
        protocols=protocols,
        mechanisms=mechanisms,
        outcome_range=limits,
        queries=queries,
        output=output,
    )


def _load(path: Path) -> tuple[bytes, dict[str, Any]]:
    if path.is_dir():
        raise ConfigurationError(f"{str(path)!r} is a folder; expected a study file: name one")
    if holds_runs(path):
        raise ConfigurationError(
            f"{str(path)!r} is named as runs are; expected a study file, which is TOML: write one "
            "for these runs with causalhyper init"
        )
    try:
        content = path.read_bytes()
        return content, tomllib.loads(content.decode())
    except FileNotFoundError:
        raise ConfigurationError(
            f"no file {str(path)!r}: check the path, or write one with causalhyper init"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"cannot open {str(path)!r}: {error}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{str(path)!r} is not UTF-8 text ({error}): a study file is TOML"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{str(path)!r} is not TOML: {error}") from error


def _data(table: object, folder: Path, faults: Faults) -> StudyData | None:
    if table is None:
        return None
    found = read_table(table, DATA, "[data]", faults)
    if "runs" not in found or "cluster" not in found:
        return None
    if not found["cluster"]:
        faults.add("[data] cluster", "is empty; name the columns of what is resampled together")
    names = ("where", "cluster", "context", "each")
    return StudyData(folder / found["runs"], *(found.get(name, ()) for name in names))


def _graph(table: object, faults: Faults) -> DirectedHypergraph | None:
    if table is None:
        return None
    found = read_table(table, HYPERGRAPH, "[hypergraph]", faults)
    if "edges" not in found:
        return None
    graph: DirectedHypergraph | None = faults.attempt(
        "[hypergraph] edges", DirectedHypergraph.parse, found["edges"]
    )
    return graph


def _roles(
    table: Mapping[str, str] | None, graph: DirectedHypergraph | None, faults: Faults
) -> Roles | None:
    if table is None:
        return None
    members = [
        faults.attempt(f"[roles] {node}", Role.parse, f"{node}={column}")
        for node, column in table.items()
    ]
    if graph is not None:
        for node in table:
            faults.attempt(f"[roles] {node}", graph.require, node)
        for node in graph.nodes:
            if node not in table:
                faults.add(f"[roles] {node}", f"is missing; the nodes of {graph} need a column")
    if None in members:
        return None
    roles: Roles | None = faults.attempt("[roles]", Roles, tuple(members))
    return roles


def _question(table: object, graph: DirectedHypergraph | None, faults: Faults) -> dict[str, Any]:
    if table is None:
        return {}
    found = read_table(table, QUESTION, "[question]", faults)
    ends = [found[name] for name in ("treatment", "outcome") if name in found]
    if graph is not None:
        for name in ("treatment", "outcome"):
            if name in found:
                faults.attempt(f"[question] {name}", graph.require, found[name])
        if len(ends) == 2 and set(ends) <= set(graph.nodes):
            faults.attempt("[question]", check_ends, graph, *ends)
    return found


def _protocols(table: object, faults: Faults) -> Protocols:
    if not isinstance(table, dict):
        return Protocols("", "", {})
    table = dict(table)
    _note_empty(table, faults)
    found = read_table(table, PROTOCOL, "[protocol]", faults)
    if "by" in found and "sentence" in found:
        faults.add(
            "[protocol] sentence",
            "stands beside by, which goes with [protocol.sentences]: keep one",
        )
    if "by" in found and not {"sentences"} & set(table):
        faults.add(
            "[protocol] sentences", f"is missing; expected a sentence for each {found['by']}"
        )
    if "by" not in table and "sentences" in table:
        faults.add("[protocol] by", "is missing; expected the column that the sentences are of")
    if not {"by", "sentence", "sentences"} & set(table):
        faults.add("[protocol] sentence", f"is missing; {_WANTED}")
    sentences = found.get("sentences") or {}
    return Protocols(found.get("sentence") or "", found.get("by", ""), sentences)


_WANTED = (
    "say what was held equal while the treatment varied, such as 'equal epochs (100), fixed "
    "learning rate': it is part of what is estimated"
)


def _note_empty(table: dict[str, Any], faults: Faults) -> None:
    """Say of empty sentences what belongs there, and take them out of the usual checks."""
    if isinstance(table.get("sentence"), str) and not table["sentence"].strip():
        faults.add("[protocol] sentence", f"is empty; {_WANTED}")
        table["sentence"] = "?"
    if isinstance(table.get("sentences"), dict):
        table["sentences"] = dict(table["sentences"])
        for value, sentence in table["sentences"].items():
            if isinstance(sentence, str) and not sentence.strip():
                faults.add(f"[protocol.sentences] {value}", f"is empty; {_WANTED}")
                table["sentences"][value] = "?"


def _model(
    table: object, graph: DirectedHypergraph | None, faults: Faults
) -> tuple[dict[str, Options], tuple[float, float] | None]:
    found = read_table(table, MODEL, "[model]", faults)
    limits = found.get("outcome_range")
    if limits is not None and (len(limits) != 2 or not limits[0] < limits[1]):
        faults.add("[model] outcome_range", f"expected [low, high], low first; got {limits}")
        limits = None
    if graph is None:
        return {}, limits
    words = {"": found.get("mechanism", DEFAULT)} | found.get("mechanisms", {})
    for node, word in words.items():
        place = f"[model.mechanisms] {node}" if node else "[model] mechanism"
        single = f"{node}={word}" if node else word
        faults.attempt(place, parse_mechanisms, [single], graph)
    if any(line.startswith("[model") for line in faults.found):
        return {}, limits
    every = [f"{node}={word}" if node else word for node, word in words.items()]
    return parse_mechanisms(every, graph), limits


def _output(top: Mapping[str, Any], path: Path, faults: Faults) -> StudyOutput:
    found = read_table(top.get("report", {}), REPORT, "[report]", faults)
    folder = path.parent / found.get("folder", "report")
    if folder.exists() and not folder.is_dir():
        faults.add("[report] folder", f"{str(folder)!r} is a file: name a folder")
    written = (found.get(name, True) for name in ("html", "json", "csv"))
    return StudyOutput(folder, top.get("title", "Causal report"), *written)
