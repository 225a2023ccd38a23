"""Checking a study before it runs: what the runs hold, and what the hypergraph identifies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.frames import checksum
from causalhyper.hypergraph import between, implied_independencies
from causalhyper.notebook import Shown
from causalhyper.queries import Identification, identify
from causalhyper.queries.experiments.design import find_design
from causalhyper.queries.experiments.questions import ask
from causalhyper.scm.model import FittedModel
from causalhyper.study.parts import StudyPart, split_runs
from causalhyper.study.plan import StudyPlan
from causalhyper.study.running import fit_part, located


@dataclass(frozen=True, slots=True)
class PartCheck:
    """What one part of the runs holds.

    Attributes
    ----------
    name, protocol : str
    n, clusters : int
        Runs and clusters.
    missing : mapping of str to int
        Column to values that are missing, where there are any; none has a role.
    balance : DataFrame
        One row a treatment value: value, runs, clusters, and each other node's mean.
    overlap : str
        Why the runs compare none of the values asked for; "" where they do, or none are asked.
    """

    name: str
    protocol: str
    n: int
    clusters: int
    missing: Mapping[str, int]
    balance: pd.DataFrame
    overlap: str

    def summary(self) -> str:
        """Counts, missing values, balance and overlap as text."""
        lines = [f"{self.name}: {self.protocol}", f"  {self.n} runs in {self.clusters} clusters"]
        missing = ", ".join(f"{name} {count}" for name, count in self.missing.items())
        lines.append(f"  missing values: {missing or 'none'}")
        table = self.balance.to_string(index=False, float_format=lambda x: f"{x:.4g}")
        lines += [f"  {line}" for line in table.splitlines()]
        return "\n".join([*lines, *([f"  no overlap: {self.overlap}"] if self.overlap else [])])


@dataclass(frozen=True, slots=True)
class StudyCheck(Shown):
    """What a study can and cannot answer, as far as data and hypergraph tell.

    Attributes
    ----------
    plan : StudyPlan
    checksum : str
        SHA-256 of the runs' file.
    parts : tuple of PartCheck
    identification : Identification
        Of the effect of the treatment on the outcome.
    mediation : tuple of Identification
        The same with each node between the two as mediator.
    independencies : tuple of str
        What the hypergraph implies, to be tested by the query ``check_independencies``.
    """

    plan: StudyPlan
    checksum: str
    parts: tuple[PartCheck, ...]
    identification: Identification
    mediation: tuple[Identification, ...]
    independencies: tuple[str, ...]

    @property
    def answerable(self) -> bool:
        """Whether the effect is identified, and each part of the runs compares the values."""
        return self.identification.identified and not any(part.overlap for part in self.parts)

    def to_frame(self) -> pd.DataFrame:
        """One row a strategy of identification, those through mediators with their mediator."""
        frames = [self.identification.to_frame().assign(mediator="")]
        frames += [
            found.to_frame().iloc[4:].assign(mediator=found.mediators[0])
            for found in self.mediation
        ]
        whole = pd.concat(frames, ignore_index=True)
        return whole[["mediator", *whole.columns.drop("mediator")]]

    def summary(self) -> str:
        """Everything as text; guesses come first."""
        texts = []
        if self.plan.guesses:
            head = f"guessed from {self.plan.source.name} alone, to be looked at:"
            texts.append("\n".join([head, *(f"  {guess}" for guess in self.plan.guesses)]))
        texts += [part.summary() for part in self.parts]
        texts.append(self.identification.summary())
        texts += [_through(found) for found in self.mediation]
        implied = [f"  {text}" for text in self.independencies] or ["  none"]
        texts.append("\n".join(["independencies that the hypergraph implies:", *implied]))
        return "\n\n".join(texts)


def _through(found: Identification) -> str:
    """The lines of an identification that are about its mediator."""
    lines = found.summary().splitlines()
    return "\n".join(lines[next(i for i, line in enumerate(lines) if line[:7] == "through") : -1])


def check_study(plan: StudyPlan) -> StudyCheck:
    """Validate a study's runs, and say what its hypergraph identifies.

    Parameters
    ----------
    plan : StudyPlan
        As `read_study` reads it.

    Returns
    -------
    StudyCheck

    Raises
    ------
    ConfigurationError
        If the model does not fit the runs.
    DataError
        If the runs are wrong; one message lists every problem of a part.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np, pandas as pd
    >>> from causalhyper.study import read_study, start_study
    >>> noise = np.random.default_rng(0).normal(size=60) / 100
    >>> runs = pd.DataFrame({"batch_size": [16, 64, 512] * 20, "seed": np.arange(60) // 3})
    >>> runs["test_accuracy"] = 0.9 - runs["batch_size"] / 10000 + noise
    >>> runs["run_id"] = runs.index.astype(str)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file, study = Path(folder, "runs.csv"), Path(folder, "study.toml")
    ...     runs.to_csv(file, index=False)
    ...     guess = start_study(file, study)
    ...     text = study.read_text().replace('sentence = ""', 'sentence = "equal epochs"')
    ...     _ = study.write_text(text)
    ...     found = check_study(read_study(study))
    >>> print(found.parts[0].balance["runs"].tolist(), found.identification.verdict)
    [20, 20, 20] the effect of B on G is identified
    """
    parts = split_runs(plan)
    mediators = between(plan.graph, plan.treatment, plan.outcome)
    return StudyCheck(
        plan=plan,
        checksum=checksum(plan.data.runs),
        parts=tuple(_check_part(plan, part) for part in parts),
        identification=identify(plan.graph, plan.treatment, plan.outcome),
        mediation=tuple(
            identify(plan.graph, plan.treatment, plan.outcome, mediators=node)
            for node in mediators
        ),
        independencies=tuple(map(str, implied_independencies(plan.graph))),
    )


def _check_part(plan: StudyPlan, part: StudyPart) -> PartCheck:
    model = fit_part(plan, part)
    missing = part.runs.isna().sum()
    return PartCheck(
        name=part.name,
        protocol=part.protocol,
        n=model.n,
        clusters=model.clusters,
        missing={str(name): int(count) for name, count in missing.items() if count},
        balance=_balance(plan, part),
        overlap=_no_overlap(plan, part, model),
    )


def _balance(plan: StudyPlan, part: StudyPart) -> pd.DataFrame:
    """Runs, clusters and means at each treatment value; of ten groups where there are many."""
    frame = part.runs
    treatment = plan.roles[plan.treatment].column
    labels = frame[list(plan.data.cluster)].astype(str).agg(" ".join, axis=1)
    values = frame[treatment].astype(float)
    if values.nunique() > 20:
        values = pd.Series(pd.qcut(values, 10, duplicates="drop"), index=frame.index)
    grouped = frame.groupby(values, observed=True)
    table = pd.DataFrame(
        {"runs": grouped.size(), "clusters": labels.groupby(values, observed=True).nunique()}
    )
    for node in plan.graph.order():
        if node != plan.treatment:
            column = plan.roles[node].column
            table[f"mean {column}"] = grouped[column].mean()
    return table.rename_axis(treatment).reset_index()


def _no_overlap(plan: StudyPlan, part: StudyPart, model: FittedModel) -> str:
    """Why the design compares none of the values asked for; "" where it does or need not."""
    if not plan.at or plan.baseline is None or plan.graph.parents(plan.treatment):
        return ""
    with located(plan, part, "[question]"):
        question = ask(model, plan.treatment, plan.outcome, plan.at, plan.baseline)
    try:
        find_design(model, plan.treatment, plan.outcome, np.asarray(question.grid(model)))
    except ConfigurationError as error:
        return str(error)
    return ""
