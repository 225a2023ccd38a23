"""What was read from a log: a runs frame, a steps frame, and what a reader should know of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from causalhyper.notebook import Shown


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """One run as its source has it.

    Parameters
    ----------
    run_id : str
        Its name, unique in the source.
    facts : mapping
        What the source itself says: status, name, experiment, duration.
    parameters : mapping
        What was chosen before the run.
    tags : mapping
        Labels.
    metrics : mapping of float
        The last value of each metric.

    Examples
    --------
    >>> LoggedRun("a", parameters={"lr": "0.1"}).metrics
    {}
    """

    run_id: str
    facts: Mapping[str, object] = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)
    tags: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Logged(Shown):
    """Runs and steps read from a log.

    Parameters
    ----------
    kind : str
        What the log was recognised as: "mlflow", "tensorboard", "wandb", "lightning",
        "huggingface" or "frame".
    source : str
        The same in words, with the path.
    runs : pandas.DataFrame
        One row a run: ``run_id``, what the source says of it (``status`` above all), parameters,
        tags, the last value of each metric, and ``nonfinite``, how many logged values were NaN
        or infinite.
    steps : pandas.DataFrame
        One row for each run and step, one column a metric, NaN where it was not logged; no rows
        where the source keeps no histories.
    renamed : mapping of str
        From names in the log to columns of `runs`.
    steps_renamed : mapping of str
        From names in the log to columns of `steps`.
    notes : tuple of str
        What was left out, mended or not clear.

    Examples
    --------
    >>> runs = pd.DataFrame({"run_id": ["a"], "learning_rate": [0.1]})
    >>> steps = pd.DataFrame({"run_id": ["a", "a"], "step": [0, 1], "loss": [0.5, 0.4]})
    >>> print(Logged("lightning", "Lightning CSV logs 'logs'", runs, steps).summary())
    Lightning CSV logs 'logs': 1 run, 2 rows of steps
    """

    kind: str
    source: str
    runs: pd.DataFrame
    steps: pd.DataFrame
    renamed: Mapping[str, str] = field(default_factory=dict)
    steps_renamed: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def summary(self) -> str:
        """Say what was recognised, how much was read, what was renamed, and what to know."""
        rows = len(self.steps)
        runs = "1 run" if len(self.runs) == 1 else f"{len(self.runs)} runs"
        lines = [f"{self.source}: {runs}{self._states()}, {rows} row{'s' * (rows != 1)} of steps"]
        for frame, names in (("runs", self.renamed), ("steps", self.steps_renamed)):
            if names:
                pairs = ", ".join(f"{new} from {old}" for old, new in names.items())
                lines.append(f"{frame} frame: {pairs}")
        return "\n".join([*lines, *self.notes])

    def to_frame(self) -> pd.DataFrame:
        """Return the runs frame."""
        return self.runs

    def _states(self) -> str:
        if "status" not in self.runs or not len(self.runs):
            return ""
        counts = self.runs["status"].value_counts()
        return f" ({', '.join(f'{n} {name}' for name, n in counts.items())})"
