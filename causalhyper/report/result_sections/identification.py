"""The section of an identification: estimand, derivation, strategies."""

from __future__ import annotations

from causalhyper.queries import Identification
from causalhyper.report.blocks import Block, Bullets, Code, PageSection, Prose
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.tables import ReportTable


def identification_section(found: Identification) -> PageSection:
    """Whether an effect is identified, by which estimand, how it is derived, and by what else."""
    through = f" through {', '.join(found.mediators)}" if found.mediators else ""
    verdict = f"{found.verdict[:1].upper()}{found.verdict[1:].rstrip('.')}."
    return PageSection(
        f"Identification of the effect of {found.treatment} on {found.outcome}{through}",
        (Prose(verdict, verdict=True), *_derivation(found), strategy_table(found)),
    )


def _derivation(found: Identification) -> list[Block]:
    blocks: list[Block] = [Prose(f"In the hypergraph {found.graph}:")]
    if found.estimand is not None:
        blocks.append(Code(f"{found.strategies[0].question} = {found.estimand}"))
    return [
        *blocks,
        Prose("The steps of the ID algorithm:"),
        Bullets(found.derivation),
    ]


def strategy_table(found: Identification) -> ReportTable:
    """Every strategy: what is asked, whether it is identified, by which sets, or why not."""
    frame = found.to_frame()
    frame["identified"] = frame["identified"].map({True: "identified", False: "not identified"})
    frame["how"] = [
        _how(sets, estimand, witness)
        for sets, estimand, witness in zip(
            frame["sets"], frame["estimand"], frame["witness"], strict=True
        )
    ]
    names = ("strategy", "question", "identified", "how")
    heads = ("strategy", "question", "answer", "by what, or what forbids it")
    shown = [ShownColumn(h, (n,), kind="text") for h, n in zip(heads, names, strict=True)]
    return frame_table(frame, "Strategies", shown)


def _how(sets: str, estimand: str, witness: str) -> str:
    return witness or "; ".join(filter(None, (sets, estimand)))
