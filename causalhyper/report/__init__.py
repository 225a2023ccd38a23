"""Reports: results to one self-contained HTML page, and to a versioned JSON document."""

from causalhyper.report.document import (
    SCHEMA,
    document_bytes,
    document_schema,
    estimates_document,
)
from causalhyper.report.page import Study, render_report
from causalhyper.report.provenance import Provenance, record_provenance

__all__ = [
    "SCHEMA",
    "Provenance",
    "Study",
    "document_bytes",
    "document_schema",
    "estimates_document",
    "record_provenance",
    "render_report",
]
