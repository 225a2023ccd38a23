"""Guessing a study from a runs frame: roles by column names, and the rest by the values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.frames import Role
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.hypergraph.projection import project_out

PAPER = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
"""The hypergraph that is offered, with the nodes that have no column projected out."""
NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "B": ("batch_size", "train_batch_size", "per_device_train_batch_size", "batchsize", "bs"),
        "N": ("grad_noise", "gradient_noise", "noise_scale", "example_noise"),
        "S": ("sharpness", "sam_sharpness", "hessian_trace"),
        "C": ("weight_norm", "spectral_complexity", "path_norm", "init_distance"),
        "G": (
            "test_accuracy",
            "test_acc",
            "eval_accuracy",
            "val_accuracy",
            "val_acc",
            "accuracy",
            "generalization_gap",
            "test_loss",
            "val_loss",
            "eval_loss",
        ),
    }
)
"""Columns by which a role is guessed, the first that is there."""
MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "B": "batch size, the treatment",
        "N": "gradient noise",
        "S": "sharpness of the loss",
        "C": "complexity of the network",
        "G": "generalisation, the outcome",
    }
)
LOGARITHMS: Mapping[str, str] = MappingProxyType({"B": "log2", "N": "log10", "S": "log10"})
"""Scale of a guessed role, where all its values are above 0."""
CLUSTERS = ("seed", "random_state", "random_seed", "fold", "block")
DESIGNS = ("design", "protocol", "matching")
CELLS = ("dataset", "model", "architecture", "network")
MOST_VALUES = 12
"""With more treatment values than these, none are proposed."""


@dataclass(frozen=True, slots=True)
class StudyGuess:
    """What a runs frame suggests.

    Attributes
    ----------
    roles : mapping of str to Role
    choices : tuple of str
        Columns of numbers, for roles that could not be guessed.
    left : tuple of str
        Roles that could not be guessed, each with the reason.
    cluster : str
        "" where no column suggests itself.
    by : str
        Column of designs; "" without one.
    designs : tuple of str
        Its values.
    each : tuple of str
        Columns of cells with several values.
    values : tuple of float
        Treatment values; empty where there are too many.
    constant : tuple of (str, str)
        Columns with one value, and that value.
    """

    roles: Mapping[str, Role]
    choices: tuple[str, ...]
    left: tuple[str, ...]
    cluster: str
    by: str
    designs: tuple[str, ...]
    each: tuple[str, ...]
    values: tuple[float, ...]
    constant: tuple[tuple[str, str], ...]

    @property
    def graph(self) -> DirectedHypergraph | None:
        """The papers' hypergraph of the nodes that have a column; None without both ends."""
        if not {"B", "G"} <= set(self.roles):
            return None
        unmeasured = [node for node in PAPER.nodes if node not in self.roles]
        return project_out(PAPER, unmeasured) if unmeasured else PAPER


def guess_study(frame: pd.DataFrame) -> StudyGuess:
    """Guess a study from the names and values of columns.

    Parameters
    ----------
    frame : DataFrame
        One row a run.

    Returns
    -------
    StudyGuess

    Examples
    --------
    >>> runs = pd.DataFrame({"batch_size": [16, 512], "seed": [1, 1], "val_acc": [0.8, 0.7]})
    >>> found = guess_study(runs)
    >>> print(*found.roles.values(), found.graph, found.cluster, found.values)
    B=log2(batch_size) G=val_acc B -> G seed (16.0, 512.0)
    """
    folded = {str(name).casefold().replace("/", "_"): str(name) for name in frame.columns}
    measured = [str(name) for name in frame.columns if _is_measured(frame, name)]
    roles, left = {}, []
    for node, names in NAMES.items():
        column = _first(names, folded)
        why_not = _why_not(frame, column, measured)
        role = None if why_not else _role(node, column, frame[column])
        if role is not None:
            roles[node] = role
        else:
            left.append(f"{node} ({why_not or f'no role can hold the name {column!r}'})")
    by = _first(DESIGNS, folded)
    counts = frame.nunique()
    if by and not 1 <= counts[by] <= MOST_VALUES:
        by = ""
    values = sorted(frame[roles["B"].column].dropna().unique()) if "B" in roles else []
    return StudyGuess(
        roles=roles,
        choices=tuple(measured),
        left=tuple(left),
        cluster=_first(CLUSTERS, folded),
        by=by,
        designs=tuple(sorted(frame[by].dropna().astype(str).unique())) if by else (),
        each=tuple(folded[name] for name in CELLS if name in folded and counts[folded[name]] > 1),
        values=tuple(map(float, values)) if 2 <= len(values) <= MOST_VALUES else (),
        constant=tuple(
            (str(name), str(frame[name].iloc[0]))
            for name in frame.columns
            if counts[name] == 1 and not frame[name].isna().any()
        ),
    )


def _is_measured(frame: pd.DataFrame, name: object) -> bool:
    column = frame[name]
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _first(names: Sequence[str], folded: Mapping[str, str]) -> str:
    return next((folded[name] for name in names if name in folded), "")


def _why_not(frame: pd.DataFrame, column: str, measured: Sequence[str]) -> str:
    """Why a column that is named like a role is not taken for it; "" if it is."""
    if not column:
        return "no column of a name that is known for it"
    if column not in measured:
        return f"{column} holds no numbers"
    lacking = int(frame[column].isna().sum())
    if lacking:
        return f"{column} lacks {lacking} of {len(frame)} values"
    return "" if frame[column].nunique() > 1 else f"{column} has one value"


def _role(node: str, column: str, values: pd.Series) -> Role | None:
    """The role, if the column has a name that a role can hold."""
    scale = LOGARITHMS.get(node) if bool((values > 0).all()) else None
    try:
        return Role.parse(f"{node}={scale}({column})" if scale else f"{node}={column}")
    except ConfigurationError:
        return None
