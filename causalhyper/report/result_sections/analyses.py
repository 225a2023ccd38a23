"""The section of a whole analysis: effects, mediation and ablations."""

from __future__ import annotations

from causalhyper.queries import Analysis
from causalhyper.report.blocks import PageSection, Prose
from causalhyper.report.result_sections.ablations import ablation_blocks
from causalhyper.report.result_sections.effects import curve_blocks
from causalhyper.report.result_sections.mediation import mediation_blocks


def analysis_section(a: Analysis) -> PageSection:
    """Effect curve, mediation through every node between, and all ablations."""
    none = Prose("The hypergraph has no node between treatment and outcome.")
    return PageSection(
        "Effects, mediation and ablations",
        (),
        (
            PageSection("Effect curve", curve_blocks(a.curve)),
            PageSection("Mediation", mediation_blocks(a.mediation) if a.mediation else (none,)),
            PageSection("Ablations", ablation_blocks(a.ablations)),
        ),
    )
