"""A question: one treatment, one outcome, a grid of values; checked against graph and runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph.paths import reached
from causalhyper.mechanisms import TableFit
from causalhyper.mechanisms.bases import Array
from causalhyper.scm.model import FittedModel


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a model.

    Attributes
    ----------
    treatment, outcome : str
        Nodes.
    at : tuple of float
        Compared values of the treatment's column, in its own unit, without the baseline.
    baseline : float
    never_run : tuple of float
        Asked values that no run has; they lie between values that were run.
    """

    treatment: str
    outcome: str
    at: tuple[float, ...]
    baseline: float
    never_run: tuple[float, ...]

    def grid(self, model: FittedModel) -> Array:
        """Baseline first, then `at`, on the model scale; shape (d,)."""
        return model.roles[self.treatment].apply(np.array([self.baseline, *self.at]))


def ask(
    model: FittedModel, treatment: str, outcome: str, at: Sequence[float], baseline: float
) -> Question:
    """Check a question.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes; the treatment an ancestor of the outcome.
    at : sequence of float
        Values to compare, in the unit of the treatment's column, within the range of the runs;
        the baseline itself is left out, repeated values count once.
    baseline : float

    Returns
    -------
    Question

    Raises
    ------
    ConfigurationError
        If a node is unknown, the outcome is no effect of the treatment, or a value lies outside
        the range of the runs.
    """
    if isinstance(at, str | int | float):
        raise ConfigurationError(f"at needs a sequence of numbers such as [16, 32], got {at!r}")
    model.graph.require(treatment, outcome)
    check_path(model, treatment, outcome)
    values = tuple(dict.fromkeys(float(a) for a in at if float(a) != float(baseline)))
    if not values:
        raise ConfigurationError(f"no value to compare with the baseline {baseline:g}: give some")
    never = check_range(model, treatment, (float(baseline), *values))
    _check_tables(model, treatment, never)
    return Question(treatment, outcome, values, float(baseline), never)


def _check_tables(model: FittedModel, treatment: str, never: tuple[float, ...]) -> None:
    """A table says nothing between the values that were run."""
    for child in model.graph.children(treatment):
        if never and isinstance(model.mechanisms[child].fit, TableFit):
            raise ConfigurationError(
                f"no run has {model.roles[treatment].column} = {never[0]:g}, and the table of "
                f"{child} knows nothing between values: ask at values that were run, or use "
                "another mechanism"
            )


def check_resampling(draws: int, seed: int, level: float) -> None:
    """Refuse numbers of replicates, seeds and levels that mean nothing."""
    for name, number in (("draws", draws), ("seed", seed)):
        if not isinstance(number, int | np.integer):
            raise ConfigurationError(f"{name} must be a whole number, got {number!r}")
    if not 0 < level < 1:
        raise ConfigurationError(f"the level must lie between 0 and 1, got {level}: use 0.95")
    if seed < 0:
        raise ConfigurationError(f"the seed must not be negative, got {seed}")


def check_path(model: FittedModel, treatment: str, outcome: str) -> None:
    """Refuse an outcome that is no effect of the treatment."""
    if treatment == outcome or outcome not in reached(model.graph, treatment, avoiding=()):
        raise ConfigurationError(
            f"{outcome} is no effect of {treatment} in {model.graph}: its effect is zero by "
            "assumption, and there is nothing to estimate"
        )


def check_range(model: FittedModel, treatment: str, grid: tuple[float, ...]) -> tuple[float, ...]:
    """The values of the grid that no run has; an error if one is out of the runs' range."""
    role = model.roles[treatment]
    seen = np.unique(model.values[treatment])
    never = []
    for value in grid:
        if role.is_logarithmic and value <= 0:
            raise ConfigurationError(
                f"{role.label} is analysed on a logarithmic scale, so no value may be {value!r}: "
                "compare values above 0"
            )
        asked = role.apply(np.array([value]))[0]
        if not np.isclose(seen, asked, rtol=1e-9, atol=1e-12).any():
            if not seen[0] < asked < seen[-1]:
                runs = ", ".join(f"{v:.9g}" for v in role.invert(seen[:12]))
                raise ConfigurationError(
                    f"{role.column} = {value:.9g} lies outside what was run, so nothing is known "
                    f"there; runs have {runs}{', ...' if len(seen) > 12 else ''}"
                )
            never.append(value)
    return tuple(never)
