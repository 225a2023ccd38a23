"""Study files: data, roles, hypergraph, protocol and queries in TOML, checked and run."""

from causalhyper.study.checking import PartCheck, StudyCheck, check_study
from causalhyper.study.document import (
    STUDY_SCHEMA,
    study_document,
    study_files,
    study_schema,
)
from causalhyper.study.guessed_plans import guess_plan
from causalhyper.study.plan import StudyPlan
from causalhyper.study.reading import read_study
from causalhyper.study.results import AnsweredQuery, PartResults, StudyResults
from causalhyper.study.running import run_study
from causalhyper.study.starting import start_study

__all__ = [
    "STUDY_SCHEMA",
    "AnsweredQuery",
    "PartCheck",
    "PartResults",
    "StudyCheck",
    "StudyPlan",
    "StudyResults",
    "check_study",
    "guess_plan",
    "read_study",
    "run_study",
    "start_study",
    "study_document",
    "study_files",
    "study_schema",
]
