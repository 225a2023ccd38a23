"""Reports: results to one self-contained HTML page, and to a versioned JSON document."""

from causalhyper.report.document import (
    SCHEMA,
    document_bytes,
    document_schema,
    estimates_document,
)
from causalhyper.report.page import Study, render_report
from causalhyper.report.provenance import Provenance, record_provenance
from causalhyper.report.tracking import log_report

__all__ = [
    "SCHEMA",
    "Provenance",
    "Study",
    "document_bytes",
    "document_schema",
    "estimates_document",
    "log_report",
    "record_provenance",
    "render_report",
]
