"""Writing a first study file from runs: guesses said to be guesses, gaps left open."""

from __future__ import annotations

import json
import os
from pathlib import Path

from causalhyper.errors import ConfigurationError
from causalhyper.frames import read_runs, write_atomic
from causalhyper.hypergraph.names import is_name
from causalhyper.study.guesses import MEANINGS, StudyGuess, guess_study
from causalhyper.study.tables import FILE_SCHEMA

GUESSED = "guessed from the column name"
LISTED = 12
"""Names that a comment lists, at most."""


def start_study(
    runs: str | Path, path: str | Path = "study.toml", *, force: bool = False
) -> StudyGuess:
    r"""Write a commented study file for the runs of a frame.

    Parameters
    ----------
    runs : str or Path
        The runs frame's file.
    path : str or Path
        The study file.
    force : bool
        Whether a file that is there may be replaced.

    Returns
    -------
    StudyGuess
        What was guessed, and stands in the file with a comment that says so. The protocol is
        left empty: no column says what was held equal on purpose.

    Raises
    ------
    ConfigurationError
        If the study file is there and may not be replaced, or the runs' file is not.
    DataError
        If the runs cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     runs, study = Path(folder, "runs.csv"), Path(folder, "study.toml")
    ...     _ = runs.write_text("run_id,batch_size,val_acc,seed\na,16,0.8,1\nb,512,0.7,1\n")
    ...     print(start_study(runs, study).graph)
    ...     print(study.read_text().splitlines()[6])
    B -> G
    cluster = ["seed"]  # guessed from the column name
    """
    runs, path = Path(runs), Path(path)
    if path.exists() and not force:
        raise ConfigurationError(
            f"{str(path)!r} is there already: name another file, or replace it with --force"
        )
    guess = guess_study(read_runs(runs))
    where = os.path.relpath(runs.resolve(), path.resolve().parent)
    write_atomic(path, study_text(guess, Path(where).as_posix()).encode())
    return guess


def study_text(guess: StudyGuess, runs: str) -> str:
    """The text of a study file.

    Parameters
    ----------
    guess : StudyGuess
    runs : str
        The runs' file, as the study file names it.

    Returns
    -------
    str
        TOML that `read_study` reads once its empty keys are filled in.
    """
    parts = [
        f"schema = {quoted(FILE_SCHEMA)}",
        'title = "Causal report"',
        "\n".join(["[data]", f"runs = {quoted(runs)}", *_data(guess)]),
        "\n".join(["[roles]", *_roles(guess)]),
        "\n".join(["[hypergraph]", *_graph(guess)]),
        "\n".join(["[question]", *_question(guess)]),
        "\n".join(_protocol(guess)),
        _REST,
    ]
    return "\n".join(parts[:2]) + "\n\n" + "\n\n".join(parts[2:])


def quoted(text: str) -> str:
    """A text as TOML writes it, on one line whatever it holds."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _data(guess: StudyGuess) -> list[str]:
    lines = ["# Runs of one cluster are resampled together, and each context has an intercept."]
    if guess.cluster:
        lines += [
            f"cluster = [{quoted(guess.cluster)}]  # {GUESSED}",
            f"context = [{quoted(guess.cluster)}]  # {GUESSED}; [] for none",
        ]
    else:
        lines += ["cluster = []  # required: the columns that label clusters, such as the seed"]
    lines += ['# where = ["diverged=False"]  # only runs that meet these conditions']
    if guess.each:
        listed = ", ".join(map(quoted, guess.each))
        return [*lines, f"each = [{listed}]  # {GUESSED}: each combination is analysed apart"]
    return [*lines, '# each = ["dataset"]  # each combination of values is analysed apart']


def _roles(guess: StudyGuess) -> list[str]:
    lines = ['# NODE = "column", or "log(column)", "log2(column)", "log10(column)"']
    used = {role.column for role in guess.roles.values()}
    free = [name for name in guess.choices if name not in used]
    choices = ", ".join(map(quoted, free[:LISTED])) + (", ..." if len(free) > LISTED else "")
    for node, meaning in MEANINGS.items():
        if node in guess.roles:
            label = guess.roles[node].label
            lines.append(f"{node} = {quoted(label)}  # {meaning}; {GUESSED}")
        else:
            need = "required" if node in "BG" else "optional"
            lines.append(f'# {node} = ""  # {meaning}; {need}; choose among {choices or "none"}')
    return lines


def _graph(guess: StudyGuess) -> list[str]:
    lines = [
        "# cause -> effect; {A, B} -> C for causes that act together; A <-> B for an unmeasured",
        "# common cause. What is not drawn is assumed not to be there.",
    ]
    if guess.graph is None:
        return [*lines, '# edges = "B -> G"  # required, once B and G have a column']
    note = "the papers' hypergraph"
    if len(guess.roles) < len(MEANINGS):
        note += ", what has no column projected out"
    return [*lines, f"edges = {quoted(str(guess.graph))}  # {note}"]


def _question(guess: StudyGuess) -> list[str]:
    lines = ['treatment = "B"', 'outcome = "G"']
    if not guess.values:
        return [*lines, "# at = [16, 32]  # required: treatment values", "# baseline = 512"]
    *compared, baseline = map(_plain, guess.values)
    return [
        *lines,
        f"at = [{', '.join(compared)}]  # the values that were run",
        f"baseline = {baseline}  # guessed: the largest",
    ]


def _plain(number: float) -> str:
    return repr(number).removesuffix(".0")


def _protocol(guess: StudyGuess) -> list[str]:
    lines = [
        "[protocol]",
        "# Required: what was held equal while the treatment varied, and how the learning rate",
        "# was set. It is part of what is estimated, and no column can tell it.",
    ]
    if guess.constant:
        lines.append("# The same in all runs:")
    lines += [f"#   {quoted(name)} = {quoted(value)}" for name, value in guess.constant[:LISTED]]
    if not guess.by:
        return [*lines, 'sentence = ""']
    lines += [
        f"by = {quoted(guess.by)}  # {GUESSED}: each of its values is analysed apart",
        "",
        "[protocol.sentences]",
    ]
    return lines + [f'{_key(value)} = ""' for value in guess.designs]


def _key(text: str) -> str:
    return text if is_name(text) and text.isascii() and "." not in text else quoted(text)


_REST = """\
[model]
mechanism = "spline"  # or linear, cross-validated
# mechanisms = {G = "binomial:n_test"}  # by node

[uncertainty]
draws = 2000
seed = 1
level = 0.95
interval = "t"

# Effect curve, mediation and ablations; the report shows them.
[[query]]
ask = "analyze"

# [[query]]
# ask = "mediate"
# mediators = ["N"]

# [[query]]
# ask = "check_independencies"

[report]
folder = "report"  # index.html, results.json and tables/*.csv
html = true
json = true
csv = true
"""
