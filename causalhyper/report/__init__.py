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
from causalhyper.report.csv_tables import csv_table
from causalhyper.report.data_summary import DataSummary, summarise_runs
from causalhyper.report.data_tables import data_blocks, data_tables
from causalhyper.report.document import (
    SCHEMA,
    document_bytes,
    document_schema,
    estimates_document,
)
from causalhyper.report.frame_tables import ShownColumn, frame_table, markdown_table, whole_table
from causalhyper.report.latex_tables import LATEX_PACKAGES, latex_table
from causalhyper.report.latex_text import latex_text
from causalhyper.report.page import SourceText, Study, render_parts, render_report
from causalhyper.report.parts import Answer, ReportPart
from causalhyper.report.provenance import Provenance, record_provenance
from causalhyper.report.result_sections import result_section, tests_section
from causalhyper.report.sections import render_sections, reproduce_section
from causalhyper.report.table_files import (
    html_table,
    report_tables,
    section_tables,
    table_files,
)
from causalhyper.report.tables import Cell, ReportTable
from causalhyper.report.tracking import log_report

__all__ = [
    "LATEX_PACKAGES",
    "SCHEMA",
    "Answer",
    "Bullets",
    "Cell",
    "Code",
    "DataSummary",
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
    "csv_table",
    "data_blocks",
    "data_tables",
    "document_bytes",
    "document_schema",
    "estimates_document",
    "frame_table",
    "html_table",
    "latex_table",
    "latex_text",
    "log_report",
    "markdown_table",
    "record_provenance",
    "render_parts",
    "render_report",
    "render_sections",
    "report_tables",
    "reproduce_section",
    "result_section",
    "section_tables",
    "summarise_runs",
    "table_files",
    "tests_section",
    "whole_table",
]
