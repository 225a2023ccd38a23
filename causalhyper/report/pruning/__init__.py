"""Pages of prunings: sections from results, and a whole report from the frames of runs."""

from causalhyper.report.pruning.differences import differences_section
from causalhyper.report.pruning.flatness import flatness_section
from causalhyper.report.pruning.hyperparameters import strips_section
from causalhyper.report.pruning.layers import layers_section
from causalhyper.report.pruning.markdown import sections_markdown
from causalhyper.report.pruning.overlap import overlap_section
from causalhyper.report.pruning.significance import significance_section
from causalhyper.report.pruning.tested import NullTest, fold_tests, verdict_table
from causalhyper.report.pruning.transitions import transition_section
from causalhyper.report.pruning.whole import (
    PruningReport,
    pruning_document,
    pruning_files,
    report_prunings,
    table_records,
)

__all__ = [
    "NullTest",
    "PruningReport",
    "differences_section",
    "flatness_section",
    "fold_tests",
    "layers_section",
    "overlap_section",
    "pruning_document",
    "pruning_files",
    "report_prunings",
    "sections_markdown",
    "significance_section",
    "strips_section",
    "table_records",
    "transition_section",
    "verdict_table",
]
