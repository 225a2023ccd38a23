"""The errors that causalhyper raises: one root, one class for each party who can put it right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class CausalHyperError(Exception):
    """Root of every error that the library raises on purpose.

    Examples
    --------
    >>> issubclass(DataError, CausalHyperError)
    True
    """


class ConfigurationError(CausalHyperError):
    """A call or a configuration is wrong: the data were not looked at (exit code 2).

    Examples
    --------
    >>> raise ConfigurationError("batch sizes must be positive; got -1")
    Traceback (most recent call last):
    ...
    causalhyper.errors.ConfigurationError: batch sizes must be positive; got -1
    """


class GraphError(ConfigurationError):
    """A hypergraph, or a question asked of one, is not well formed (exit code 2).

    Examples
    --------
    >>> issubclass(GraphError, ConfigurationError)
    True
    """


class NotIdentifiedError(CausalHyperError):
    """The data cannot answer, however many there are: not identified (exit code 4).

    Examples
    --------
    >>> raise NotIdentifiedError("P(g | do(n)) is not identified")
    Traceback (most recent call last):
    ...
    causalhyper.errors.NotIdentifiedError: P(g | do(n)) is not identified
    """


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one column of a frame.

    Parameters
    ----------
    column : str
        Name of the column.
    rule : str
        The rule that is broken, as "what was expected, what came".
    rows : int
        Number of rows that break it.
    example : str
        One offending value, "" where no value can be shown (a missing column).
    remedy : str
        What to do about it.

    Examples
    --------
    >>> print(Problem("seed", "column is missing", 60, "", "did you mean 'sed'?"))
    'seed': column is missing; 60 rows; did you mean 'sed'?
    """

    column: str
    rule: str
    rows: int
    example: str
    remedy: str

    def __str__(self) -> str:
        rows = "1 row" if self.rows == 1 else f"{self.rows} rows"
        example = f"for example {self.example}" if self.example else ""
        parts = (self.rule, rows, example, self.remedy)
        return f"{self.column!r}: " + "; ".join(part for part in parts if part)


class DataError(CausalHyperError):
    """The data are wrong (exit code 3); one message lists every problem found.

    Parameters
    ----------
    message : str
        What was looked at, or the whole message where there are no `problems`.
    problems : iterable of Problem
        Everything that is wrong, in the order to be read.

    Attributes
    ----------
    problems : tuple of Problem
        The same, to be handled by a program.

    Examples
    --------
    >>> problem = Problem("n_test", "must be at least 1", 2, "0", "count the test examples")
    >>> print(DataError("the runs frame has 1 problem", [problem]))
    the runs frame has 1 problem:
      - 'n_test': must be at least 1; 2 rows; for example 0; count the test examples
    """

    problems: tuple[Problem, ...]

    def __init__(self, message: str, problems: Iterable[Problem] = ()) -> None:
        self.problems = tuple(problems)
        lines = [f"  - {problem}" for problem in self.problems]
        super().__init__("\n".join([f"{message}:", *lines]) if lines else message)
