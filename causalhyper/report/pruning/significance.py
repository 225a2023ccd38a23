"""The section of significance: layer by layer, and for the entries that are kept."""

from __future__ import annotations

from causalhyper.granger.significance.report.result import Diagnosis, LayerDiagnosis
from causalhyper.granger.significance.report.verdict import READINGS, p_text
from causalhyper.report.blocks import Block, Bullets, Fold, PageSection, Prose
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.pruning.pictures import MOST, draw_picture
from causalhyper.report.pruning.tested import NullTest, fold_tests

ENTRIES = 50
"""Entries shown at most: those with the smallest q; the frame has all."""
TABLE = [
    ShownColumn("layer", ("layer",), kind="text"),
    ShownColumn("group", ("group",), kind="text"),
    ShownColumn("n", ("n",), 0),
    ShownColumn("kept", ("kept",), 0),
    ShownColumn("lambda", ("lambda",), 3, kind="general"),
    ShownColumn("R2 out", ("r2_out",), 3),
    ShownColumn("statistic", ("statistic",), 3),
    ShownColumn("p", ("p",), 3, kind="p"),
    ShownColumn("q", ("q",), 3, kind="p"),
    ShownColumn("selection frequency", ("selection_frequency",), 2),
    ShownColumn("null expectation", ("null_expectation",), 2),
]


def significance_section(
    found: Diagnosis, *, title: str = "Significance", prefix: str = "significance-"
) -> PageSection:
    """Show which layers, and which of their entries, go with the loss.

    Parameters
    ----------
    found : Diagnosis
    title : str
    prefix : str
        Of the picture's ids; unique in a page.

    Returns
    -------
    PageSection
    """
    blocks: list[Block] = [Prose(tell_significance(found), verdict=True)]
    if len(found.layers) <= MOST:
        drawn = "Increment over movement of every layer, under its reading"
        blocks.append(draw_picture(found.plot, drawn, found.summary(), prefix))
    blocks.append(
        frame_table(
            found.to_frame(),
            f"Layers: n and kept count {found.entries}; null expectation is the number that the "
            "same selection keeps of a rotated loss",
            TABLE,
        )
    )
    entries = found.to_frame(entries=True)
    entries = entries[entries["group"] != "all"].sort_values("q", kind="stable")
    if len(entries):
        shown = entries.head(ENTRIES)
        caption = (
            f"{len(shown)} of {len(entries)} {found.entries} that are kept or beyond the cutoff; "
            "q is family-wise over all layers, null expectation the share of rotated losses that "
            "keep it"
        )
        blocks.append(Fold("Single entries", (frame_table(shown, caption, TABLE),)))
    tests = [test for layer in found.layers for test in _layer_tests(found, layer)]
    blocks.append(fold_tests(tests))
    cautions = (f"caution: {text}" for text in found.cautions)
    assumed = (f"assumed: {text}" for text in found.assumptions)
    blocks.append(Bullets((found.rule.said(), *cautions, *assumed)))
    return PageSection(title, tuple(blocks))


def tell_significance(found: Diagnosis) -> str:
    """Say how many layers go with the loss, and how many tell more than movement.

    Parameters
    ----------
    found : Diagnosis

    Returns
    -------
    str
    """
    names: dict[str, list[str]] = {}
    for layer in found.layers:
        names.setdefault(READINGS[found.reading(layer.layer)], []).append(layer.layer)
    said = "; ".join(f"{', '.join(layers)}: {words}" for words, layers in names.items())
    return f"Of {len(found.layers)} layers, over {found.rows} steps: {said}."


def _layer_tests(found: Diagnosis, x: LayerDiagnosis) -> list[NullTest]:
    alpha = found.rule.alpha

    def verdict(q: float, rejected: str) -> str:
        return f"H0 rejected: {rejected}" if q <= alpha else "H0 kept"

    tests = [
        NullTest(
            "rotated losses",
            f"the movement of {x.layer} goes with no loss change but through the course of "
            "training",
            f"largest statistic {x.statistic:.3f}, {x.expected:.3f} of rotated losses; "
            f"{p_text(x.p)}, over all layers {p_text(x.q)}",
            verdict(x.q, "it goes with the loss"),
        ),
        NullTest(
            "increment over movement",
            f"single {found.entries} of {x.layer} tell no more than how far the layer moved",
            f"increment {x.increment:+.1%} of the loss change [{x.lower:+.1%}, {x.upper:+.1%}], "
            f"Holm {p_text(x.q_increment)}",
            "H0 kept"
            if x.q_increment > alpha
            else "H0 rejected: tells more"
            if x.increment > 0
            else "H0 rejected, but predicts worse",
        ),
    ]
    if x.q_others == x.q_others:
        tests.append(
            NullTest(
                "given the other layers",
                f"the movement of {x.layer} explains nothing that the other layers leave",
                f"Holm {p_text(x.q_others)}",
                verdict(x.q_others, "it is needed beside them"),
            )
        )
    return tests
