"""Sections of a report, one function a class of results: a result in, a section out."""

from causalhyper.report.result_sections.registry import SECTIONS, result_section, verdict_of
from causalhyper.report.result_sections.tests import tests_section

__all__ = ["SECTIONS", "result_section", "tests_section", "verdict_of"]
