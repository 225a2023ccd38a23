"""Paths that are not finished, as arrays and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.lasso.block_dual import Level
from causalhyper.granger.lasso.block_path import Fit, Followed
from causalhyper.granger.lasso.block_set import BlockSet
from causalhyper.granger.lasso.checkpoint import Stored, StoredForm
from causalhyper.granger.lasso.homotopy import Solution
from causalhyper.granger.lasso.rounds import Standing
from causalhyper.granger.lasso.scan import LassoProblem
from causalhyper.granger.lasso.working_set import WorkingSet

HELD = ("indices", "values", "means", "spreads", "weights")


def lasso_form(problem: LassoProblem) -> StoredForm[Standing]:
    """Of a lasso's path."""
    return StoredForm("lasso", _arrays, lambda stored: _standing(problem, stored))


def _arrays(standing: Standing) -> Stored:
    found = standing.found
    return {
        **{name: getattr(standing.working, name) for name in HELD},
        "gaps": standing.gaps,
        "reach": np.array(standing.reach),
        "passes": np.array(standing.passes),
        "penalties": np.array([s.penalty for s in found]),
        "residuals": np.array([s.residual for s in found]),
        "kinks": np.array([s.kinks for s in found]),
        "counts": np.array([len(s.members) for s in found]),
        "members": np.concatenate([s.members for s in found]),
        "signs": np.concatenate([s.signs for s in found]),
        "coefficients": np.concatenate([s.coefficients for s in found]),
    }


def _standing(problem: LassoProblem, stored: Stored) -> Standing:
    working = WorkingSet(problem, *(stored[name] for name in HELD))
    return Standing(
        working,
        _solutions(stored),
        stored["gaps"],
        float(stored["reach"]),
        int(stored["passes"]),
    )


def _solutions(stored: Stored) -> tuple[Solution, ...]:
    """One a penalty, from the arrays of all."""
    edges = np.cumsum(stored["counts"])[:-1]

    def parts(name: str) -> Sequence[Codes | Array]:
        return np.split(stored[name], edges)

    each = zip(
        stored["penalties"].tolist(),
        *(parts(name) for name in ("members", "signs", "coefficients")),
        stored["residuals"],
        stored["kinks"].tolist(),
        strict=True,
    )
    return tuple(Solution(*fields) for fields in each)


def block_form(kind: str, held: BlockSet, levels: Sequence[Level]) -> StoredForm[Followed]:
    """Of a path of blocks, from those held to begin with."""
    problem, groups = held.columns.problem, held.groups

    def unpack(stored: Stored) -> Followed:
        columns = WorkingSet(problem, *(stored[name] for name in HELD))
        edges = np.cumsum(stored["counts"])[:-1]
        each = zip(
            levels,
            np.split(stored["members"], edges),
            np.split(stored["coefficients"], edges),
            stored["residuals"],
            stored["steps"].tolist(),
            strict=True,
        )
        return Followed(
            BlockSet.of(columns, groups),
            tuple(Fit(*fields) for fields in each),
            stored["gaps"],
            int(stored["passes"]),
            float(stored["reach"]),
        )

    return StoredForm(kind, _block_arrays, unpack)


def _block_arrays(followed: Followed) -> Stored:
    fits = followed.fits
    return {
        **{name: getattr(followed.held.columns, name) for name in HELD},
        "gaps": followed.gaps,
        "reach": np.array(followed.reach),
        "passes": np.array(followed.passes),
        "residuals": np.array([f.residual for f in fits]),
        "steps": np.array([f.steps for f in fits]),
        "counts": np.array([len(f.members) for f in fits]),
        "members": np.concatenate([f.members for f in fits]),
        "coefficients": np.concatenate([f.coefficients for f in fits]),
    }
