"""The study's page: verdicts first, then the numbers behind them, details folded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from case_studies.batch_size.effects.graph_tests import HYPERGRAPHS
from case_studies.batch_size.effects.totals import pooled_table
from case_studies.batch_size.report import figures
from case_studies.batch_size.report import table_forms as forms
from case_studies.batch_size.report.judgement import WIDEST, Claim, pick
from case_studies.batch_size.report.parts import Part
from case_studies.batch_size.runs import CELL, GRAPH, SHORT, protocol_of
from causalhyper.figures import compact_svg
from causalhyper.report import (
    Bullets,
    Fold,
    Heading,
    PageSection,
    Picture,
    Prose,
    ReportTable,
    render_sections,
    reproduce_section,
    whole_table,
)
from causalhyper.report.blocks import Block

TITLE = "Does batch size cause generalisation?"
MOST = 20
"""Tables with more rows are in the files alone."""
SAID = 8
"""Sentences of a part that are shown at once."""
METHODS = (
    "Contrasts are means of differences paired by seed, with Student t intervals; a row of a data "
    "set averages its models within seed. P-values of a contrast are adjusted over cells (Holm).",
    "Means over cells are random-effects means (Paule and Mandel's variance between cells, "
    "intervals with one degree of freedom less than cells); beside them the plain mean with data "
    "sets as clusters (CR1), because models of one data set share its splits.",
    "The gap test holds the hypergraph's effect curve against the design's own over all pairs of "
    "batch sizes, by a cluster bootstrap over seeds; the false discovery rate is held over cells "
    "and protocols of one hypergraph (Benjamini and Hochberg).",
    "Every run is in every analysis: diverged ones with the accuracy that they have, those that "
    "did not reach the training loss as they were when the cap ended them.",
    "The rules that make a verdict of an interval are in "
    "case_studies/batch_size/report/claims.py; they were written before the runs were seen.",
)


def render_study(
    runs: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    claims: list[Claim],
    others: Mapping[str, Part],
    command: str,
    checksums: Sequence[tuple[str, str]],
) -> bytes:
    """The page of the whole study.

    Parameters
    ----------
    runs : DataFrame
        All arms.
    tables : mapping of str to DataFrame
        Of `make_tables`.
    claims : list of Claim
    others : mapping of str to Part
        Further parts by title, such as mediation.
    command : str
    checksums : sequence of (str, str)

    Returns
    -------
    bytes
        UTF-8 HTML.
    """
    sections = [
        PageSection("Verdicts", (forms.claim_table(claims),)),
        _question(runs, tables),
        _beside_the_poster(tables),
        _over_cells(tables),
        _noise(tables),
        _arms(tables),
        _measured(tables),
        _hypergraph(tables),
        *(_other(title, part) for title, part in others.items()),
        PageSection("Methods", (Bullets(METHODS),)),
        reproduce_section(command, checksums),
    ]
    return render_sections(TITLE, sections)


def _question(runs: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> PageSection:
    plain = runs[runs["arm"] == "plain"]
    texts: dict[str, None] = {}
    for design in SHORT:
        part = plain[plain["design"] == design]
        for _, rows in part.groupby(CELL, sort=False):
            texts[protocol_of(rows)] = None
    blocks: list[Block] = [
        Prose(
            "What does training with 16 instead of 512 examples a minibatch do to test accuracy, "
            "and through what? The answer depends on what is held equal meanwhile, so each "
            "protocol is a question of its own:"
        ),
        Bullets(tuple(texts)),
        Prose(f"The poster's hypergraph: {GRAPH}."),
        forms.rate_form(tables["rates"]),
        forms.reached_form(tables["reached"]),
        Fold("Runs of every cell, protocol and arm", (forms.count_form(tables["counts"]),)),
    ]
    return PageSection("Question and protocols", tuple(b for b in blocks if _there(b)))


def _beside_the_poster(tables: Mapping[str, pd.DataFrame]) -> PageSection:
    main, precision = tables["main"], tables["main_precision"]
    shown = [d for d in SHORT if (main["design"] == d).any()]
    blocks: list[Block] = [
        Prose(
            "The poster gives neither intervals nor seeds nor the models behind a row. Accuracies "
            "in percent, gains in percentage points, models averaged within seed."
        ),
        *(forms.main_form(main, d, f"Test accuracy, {SHORT[d]}") for d in shown),
        Fold(
            "Macro precision",
            tuple(
                forms.main_form(precision, d, f"Test precision, {SHORT[d]}")
                for d in shown
                if (precision["design"] == d).any()
            ),
        ),
        Fold("Cell by cell", forms.wide_forms(tables["cells"], "16 less 512")),
    ]
    return PageSection("The poster's table beside ours", tuple(blocks))


def _over_cells(tables: Mapping[str, pd.DataFrame]) -> PageSection:
    pooled = pick(tables["pooled"], contrast=WIDEST)
    whole = pooled[~pooled["over"].str.startswith("without")]
    blocks: list[Block] = [
        _picture(
            figures.draw_curves(tables["curves"]),
            "Test accuracy at each batch size less that at 512, points, with 95% intervals.",
        ),
        forms.pooled_form(whole, "16 less 512 over all cells, points"),
        _picture(figures.draw_pooled(pooled), "Grey: without each data set in turn."),
        forms.pooled_form(
            pick(tables["protocols_pooled"], over="all cells"),
            "By how much protocols disagree about 16 less 512, points",
        ),
        Fold(
            "Partial pooling; precision",
            (
                forms.shrunk_form(tables["shrunk"]),
                forms.pooled_form(
                    pick(tables["pooled_precision"], over="all cells"), "Macro precision, pooled"
                ),
            ),
        ),
    ]
    return PageSection("All batch sizes, all cells", tuple(b for b in blocks if _there(b)))


def _noise(tables: Mapping[str, pd.DataFrame]) -> PageSection:
    blocks: list[Block] = [
        Prose(
            "Gradient noise itself was set: at B = 512 with the noise of 16 (minibatch weights "
            "that give the covariance's trace of 16), at B = 16 with the noise of 512 (gradients "
            "of 32 minibatches an update). With equal epochs these four are a 2 x 2 of noise and "
            "number of updates; with equal updates noise alone differs, and what is left between "
            "B = 16 and the added noise is everything about noise beyond its trace."
        ),
        forms.pooled_form(pick(tables["noise_pooled"], over="all cells"), "Over all cells"),
        Fold("Cell by cell", forms.wide_forms(tables["noise"], "Noise set by hand")),
        Fold(
            "Was the noise what was meant? log10 of measured over intended",
            (whole_table(_check(tables["noise_check"]), "Measured gradient noise"),),
        ),
    ]
    return PageSection(
        "Gradient noise and updates set apart", tuple(b for b in blocks if _there(b))
    )


def _check(table: pd.DataFrame) -> pd.DataFrame:
    names = ["design", "contrast", "estimate", "lower", "upper"]
    pooled = pick(pooled_table(table), over="all cells")
    return forms.in_words(pooled)[names]


def _arms(tables: Mapping[str, pd.DataFrame]) -> PageSection:
    blocks: list[Block] = []
    for name, title in (("sam", "Sharpness-aware minimisation"), ("label_noise", "Label noise")):
        pooled = pick(tables[f"{name}_pooled"], over="all cells")
        blocks += [
            Heading(title),
            forms.pooled_form(pooled, "Over all cells, points"),
            Fold("Cell by cell", forms.wide_forms(tables[name], title)),
        ]
    return PageSection("Sharpness-aware minimisation and label noise", tuple(blocks))


def _measured(tables: Mapping[str, pd.DataFrame]) -> PageSection:
    return PageSection(
        "What else batch size changes", (forms.measure_form(tables["measures_pooled"]),)
    )


def _hypergraph(tables: Mapping[str, pd.DataFrame]) -> PageSection:
    gaps = tables["gaps"]
    blocks: list[Block] = [
        Prose(
            "Batch size was assigned, so the design's contrast needs no hypergraph. Where the "
            "hypergraph's own contrast misses it, the hypergraph is wrong for these runs."
        ),
        Bullets(tuple(f"{name}: {graph}" for name, graph in HYPERGRAPHS.items())),
        forms.rejection_form(tables["rejections"]),
    ]
    there = [d for d in SHORT if (gaps["design"] == d).any()]
    blocks.append(Fold("Cell by cell", tuple(forms.gap_form(gaps, d) for d in there)))
    return PageSection("The hypergraph against the design", tuple(blocks))


def _other(title: str, part: Part) -> PageSection:
    tables, sentences = part.tables, part.sentences
    small = {name: table for name, table in tables.items() if 0 < len(table) <= MOST}
    large = [f"{name}.csv ({len(table)})" for name, table in tables.items() if len(table) > MOST]
    blocks: list[Block] = [Bullets(sentences[:SAID])]
    if sentences[SAID:]:
        blocks.append(Fold("More in words", (Bullets(sentences[SAID:]),)))
    blocks += [_picture(svg, caption) for svg, caption in part.pictures if svg]
    for name, table in small.items():
        words = name.replace("_", " ")
        blocks.append(Fold(f"{words}: {len(table)} rows", (whole_table(table, words),)))
    if large:
        blocks.append(Prose(f"In tables/, with rows: {', '.join(large)}."))
    return PageSection(title, tuple(blocks))


def _picture(svg: str, caption: str) -> Picture:
    return Picture(compact_svg(svg), caption)


def _there(block: Block) -> bool:
    """Whether a block has anything to show."""
    if isinstance(block, Picture):
        return bool(block.svg)
    return not isinstance(block, ReportTable) or bool(block.rows)
