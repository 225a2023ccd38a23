"""Running a study: a fit for each part of the runs, and every query asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from causalhyper.errors import (
    CausalHyperError,
    ConfigurationError,
    DataError,
    NotIdentifiedError,
)
from causalhyper.frames import checksum
from causalhyper.progress import Progress
from causalhyper.scm import fit
from causalhyper.scm.model import FittedModel
from causalhyper.study.parts import StudyPart, split_runs
from causalhyper.study.plan import AskedQuery, StudyPlan
from causalhyper.study.results import AnsweredQuery, PartResults, StudyResults
from causalhyper.study.verbs import VERBS


def run_study(plan: StudyPlan, progress: Progress | None = None) -> StudyResults:
    """Ask every query of a study, of each part of its runs.

    Parameters
    ----------
    plan : StudyPlan
        As `read_study` reads it.
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    StudyResults
        The same numbers as the verbs give with the same options and seed.

    Raises
    ------
    ConfigurationError
        If a query does not fit the model or the runs; the message names query and part.
    DataError
        If the runs are wrong.
    NotIdentifiedError
        If the hypergraph's latent pairs leave an effect unidentified.

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
    ...     _ = study.write_text(text.replace("draws = 2000", "draws = 100"))
    ...     found = run_study(read_study(study))
    >>> found.parts[0].answers[0].result.curve.design[0].interval(2)
    '+0.05 [+0.04, +0.05]'
    """
    parts = split_runs(plan)
    models = [fit_part(plan, part) for part in parts]
    found, done, count = [], 0, len(parts) * len(plan.queries)
    for part, model in zip(parts, models, strict=True):
        answers = []
        for asked in plan.queries:
            with located(plan, part, str(asked)):
                answers.append(_answer(asked, model, part, _within(progress, done, count)))
            done += 1
        found.append(PartResults(part, model, tuple(answers)))
    return StudyResults(plan, checksum(plan.data.runs), tuple(found))


def fit_part(plan: StudyPlan, part: StudyPart) -> FittedModel:
    """Fit a study's hypergraph to one part of its runs."""
    with located(plan, part, ""):
        return fit(
            plan.graph,
            part.runs,
            plan.roles,
            protocol=part.protocol,
            cluster=plan.data.cluster,
            context=plan.data.context,
            mechanisms=plan.mechanisms,
            outcome_range=plan.outcome_range,
            treatment=plan.treatment,
            outcome=plan.outcome,
        )


def _answer(
    asked: AskedQuery, model: FittedModel, part: StudyPart, progress: Progress | None
) -> AnsweredQuery:
    verb = VERBS[asked.verb]
    arguments: dict[str, Any] = dict(asked.arguments)
    if not verb.of_model:
        return AnsweredQuery(asked, verb.ask(model.graph, **arguments))
    if asked.verb in ("policy", "robustness"):
        arguments["runs"] = part.runs
    return AnsweredQuery(asked, verb.ask(model, **arguments, progress=progress))


def _within(progress: Progress | None, done: int, count: int) -> Progress | None:
    """Tell the progress of one query as that of all."""
    if progress is None:
        return None
    return lambda share: progress((done + share) / count)


@contextmanager
def located(plan: StudyPlan, part: StudyPart, what: str) -> Iterator[None]:
    """Say of an error in which file, query and part it arose."""
    several = f", {part.name}" if part.values else ""
    place = f"{plan.source}{': ' if what else ''}{what}{several}"
    try:
        yield
    except DataError as error:
        head = str(error).split("\n")[0].removesuffix(":") if error.problems else str(error)
        raise DataError(f"{place}: {head}", error.problems) from error
    except NotIdentifiedError as error:
        raise NotIdentifiedError(f"{place}: {error}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{place}: {error}") from error
    except CausalHyperError as error:
        raise CausalHyperError(f"{place}: {error}") from error
