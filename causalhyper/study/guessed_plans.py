"""A plan from runs alone: everything that a study file would say is guessed, and said to be."""

from __future__ import annotations

from pathlib import Path

from causalhyper.errors import ConfigurationError
from causalhyper.frames import Roles, read_runs
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.study.guesses import MEANINGS, StudyGuess, guess_study
from causalhyper.study.mechanisms import DEFAULT, parse_mechanisms
from causalhyper.study.plan import Protocols, StudyData, StudyOutput, StudyPlan

RUNS = (".parquet", ".csv", ".csv.gz")
"""Endings of files that hold runs; those of a study file are others."""
UNSAID = "protocol not said"
"""Stands for what was held equal, which no column can tell."""
ALONE = "run_id"
"""Each run is a cluster where no column suggests another."""


def holds_runs(path: str | Path) -> bool:
    """Whether a file holds runs, by its name."""
    return str(path).lower().endswith(RUNS)


def guess_plan(path: str | Path) -> StudyPlan:
    r"""Guess what a runs frame can be asked, by the names and values of its columns.

    Parameters
    ----------
    path : str or Path
        The runs frame's file.

    Returns
    -------
    StudyPlan
        Without queries; `guesses` says in words what was guessed.

    Raises
    ------
    ConfigurationError
        If the file is not there, or no column is recognised as treatment or outcome.
    DataError
        If the runs cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "runs.csv")
    ...     _ = path.write_text("run_id,batch_size,val_acc,seed\na,16,0.8,1\nb,512,0.7,1\n")
    ...     print(*guess_plan(path).guesses, sep="\n")
    columns by their names: B=log2(batch_size), G=val_acc
    hypergraph: B -> G (the papers', what has no column projected out)
    clusters and contexts: seed
    """
    path = Path(path)
    guess = guess_study(read_runs(path))
    graph = guess.graph
    if graph is None:
        raise ConfigurationError(_unrecognised(path, guess))
    cluster = guess.cluster or ALONE
    *compared, baseline = guess.values or (None,)
    return StudyPlan(
        source=path,
        text="",
        sha256="",
        data=StudyData(
            path, (), (cluster,), (guess.cluster,) if guess.cluster else (), guess.each
        ),
        roles=Roles(tuple(guess.roles.values())),
        graph=graph,
        treatment="B",
        outcome="G",
        at=tuple(value for value in compared if value is not None),
        baseline=baseline,
        protocols=Protocols(
            "" if guess.by else UNSAID, guess.by, dict.fromkeys(guess.designs, UNSAID)
        ),
        mechanisms=parse_mechanisms([DEFAULT], graph),
        outcome_range=None,
        queries=(),
        output=StudyOutput(path.parent, "", html=False, json=False, csv=False),
        guesses=_said(guess, graph),
    )


def _unrecognised(path: Path, guess: StudyGuess) -> str:
    lost = [f"{node} ({MEANINGS[node]})" for node in "BG" if node not in guess.roles]
    columns = ", ".join(guess.choices) or "none"
    return (
        f"no column of {path.name} is recognised by its name as {' or as '.join(lost)}; its "
        f"columns of numbers are {columns}. Write a study file with causalhyper init, give the "
        "columns under [roles], and check that file"
    )


def _said(guess: StudyGuess, graph: DirectedHypergraph) -> tuple[str, ...]:
    """Every guess in words."""
    projected = ", what has no column projected out" if len(guess.roles) < len(MEANINGS) else ""
    clusters = (
        f"clusters and contexts: {guess.cluster}"
        if guess.cluster
        else f"clusters: each run by itself ({ALONE}); no column is named as a seed is"
    )
    said = [
        f"columns by their names: {', '.join(map(str, guess.roles.values()))}",
        f"hypergraph: {graph} (the papers'{projected})",
        clusters,
    ]
    if guess.by:
        said.append(f"designs, each apart: {guess.by} ({', '.join(guess.designs)})")
    if guess.each:
        said.append(f"each apart: {', '.join(guess.each)}")
    return tuple(said)
