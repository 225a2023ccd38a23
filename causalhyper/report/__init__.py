"""Reports: results to one self-contained HTML page, and to a versioned JSON document."""

from causalhyper.report.blocks import (
    Bullets,
    Code,
    Drawing,
    Fold,
    Heading,
    PageSection,
    Picture,
    Prose,
)
from causalhyper.report.document import (
    SCHEMA,
    document_bytes,
    document_schema,
    estimates_document,
)
from causalhyper.report.frame_tables import ShownColumn, frame_table, markdown_table, whole_table
from causalhyper.report.page import SourceText, Study, render_parts, render_report
from causalhyper.report.parts import Answer, ReportPart
from causalhyper.report.provenance import Provenance, record_provenance
from causalhyper.report.result_sections import result_section, tests_section
from causalhyper.report.sections import render_sections, reproduce_section
from causalhyper.report.tables import Cell, ReportTable
from causalhyper.report.tracking import log_report

__all__ = [
    "SCHEMA",
    "Answer",
    "Bullets",
    "Cell",
    "Code",
    "Drawing",
    "Fold",
    "Heading",
    "PageSection",
    "Picture",
    "Prose",
    "Provenance",
    "ReportPart",
    "ReportTable",
    "ShownColumn",
    "SourceText",
    "Study",
    "document_bytes",
    "document_schema",
    "estimates_document",
    "frame_table",
    "log_report",
    "markdown_table",
    "record_provenance",
    "render_parts",
    "render_report",
    "render_sections",
    "reproduce_section",
    "result_section",
    "tests_section",
    "whole_table",
]
