"""A question: one treatment, one outcome, a grid of values; checked against graph and runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import SupportsFloat

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph.paths import reached
from causalhyper.mechanisms import TableFit
from causalhyper.scm.model import FittedModel

LISTED = 12
"""Values that a message lists; of more it gives the ends."""


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
    check_model(model)
    given, baseline = read_numbers("at", at), read_number("baseline", baseline)
    model.graph.require(treatment, outcome)
    check_path(model, treatment, outcome)
    values = tuple(a for a in given if a != baseline)
    if not values:
        raise ConfigurationError(f"no value to compare with the baseline {baseline:g}: give some")
    never = check_values(model, treatment, (baseline, *values))
    return Question(treatment, outcome, values, baseline, never)


def check_model(given: object) -> None:
    """Refuse what is no fitted model, such as the hypergraph alone."""
    if not isinstance(given, FittedModel):
        raise ConfigurationError(
            f"expected a fitted model first, got {type(given).__name__}: pass what fit returned"
        )


def read_number(name: str, given: object) -> float:
    """A finite number, named in the error where it is none."""
    if isinstance(given, bool | str) or not isinstance(given, SupportsFloat):
        raise ConfigurationError(f"{name} must be a number such as 16, got {given!r}")
    try:
        number = float(given)
    except (TypeError, ValueError):  # such as an array of several numbers
        number = float("nan")
    if not np.isfinite(number):
        raise ConfigurationError(f"{name} must be a finite number such as 16, got {given!r}")
    return number


def read_numbers(name: str, given: object) -> tuple[float, ...]:
    """A sequence of finite numbers, each once."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigurationError(
            f"{name} needs a sequence of numbers such as [16, 32], got {given!r}"
        )
    return tuple(dict.fromkeys(read_number(f"each value of {name}", x) for x in given))


def check_resampling(draws: int, seed: int, level: float, name: str = "draws") -> None:
    """Refuse numbers of replicates, seeds and levels that mean nothing."""
    for what, number in ((name, draws), ("seed", seed)):
        if not isinstance(number, int | np.integer):
            raise ConfigurationError(f"{what} must be a whole number, got {number!r}")
    if not 0 < level < 1:
        raise ConfigurationError(f"the level must lie between 0 and 1, got {level}: use 0.95")
    if seed < 0:
        raise ConfigurationError(f"the seed must not be negative, got {seed}")


def check_path(model: FittedModel, treatment: str, outcome: str) -> None:
    """Refuse an outcome that is no effect of the treatment."""
    if treatment == outcome:
        raise ConfigurationError(
            f"both ends of the effect are {treatment!r}: name two different nodes"
        )
    if outcome not in reached(model.graph, treatment, avoiding=()):
        raise ConfigurationError(
            f"{outcome} is no effect of {treatment} in {model.graph}: its effect is zero by "
            "assumption, and there is nothing to estimate"
        )


def check_values(
    model: FittedModel, node: str, values: Sequence[float], others: Collection[str] = ()
) -> tuple[float, ...]:
    """Check what a node is to be set to.

    Parameters
    ----------
    model : FittedModel
    node : str
    values : sequence of float
        In the unit of the node's column.
    others : collection of str
        What else is set: its mechanisms do not matter.

    Returns
    -------
    tuple of float
        The values that no run has; they lie between values that were run.

    Raises
    ------
    ConfigurationError
        If the node is unknown, or a value lies outside the runs, has no logarithm where one is
        taken, or lies between those that the table of a child knows.
    """
    model.graph.require(node)
    role = model.roles[node]
    seen = np.unique(model.values[node])
    never = []
    for value in values:
        if role.is_logarithmic and not value > 0:
            raise ConfigurationError(
                f"{role.label} is analysed on a logarithmic scale, so {role.column} cannot be "
                f"{value!r}: use values above 0"
            )
        asked = role.apply(np.array([value]))[0]
        if not np.isclose(seen, asked, rtol=1e-9, atol=1e-12).any():
            if not seen[0] < asked < seen[-1]:
                few = len(seen) <= LISTED
                runs = [f"{v:.9g}" for v in role.invert(seen if few else seen[[0, -1]])]
                raise ConfigurationError(
                    f"{role.column} = {value:.9g} lies outside what was run, so nothing is known "
                    f"there; runs have {(', ' if few else ' to ').join(runs)}"
                )
            never.append(value)
    _check_tables(model, node, never, others)
    return tuple(never)


def scale_value(
    model: FittedModel, node: str, value: float, others: Collection[str] = ()
) -> float:
    """Check a value that a node is to be set to, and put it on the model's scale.

    Parameters and errors are those of `check_values`; the value is a finite number.
    """
    value = read_number(f"the value of {node}", value)
    check_values(model, node, (value,), others)
    return float(model.roles[node].apply(np.array([value]))[0])


def _check_tables(
    model: FittedModel, node: str, never: Sequence[float], others: Collection[str]
) -> None:
    """A table says nothing between the values that were run."""
    for child in model.graph.children(node):
        if never and child not in others and isinstance(model.mechanisms[child].fit, TableFit):
            raise ConfigurationError(
                f"no run has {model.roles[node].column} = {never[0]:g}, and the table of "
                f"{child} knows nothing between values: ask at values that were run, or use "
                "another mechanism"
            )
