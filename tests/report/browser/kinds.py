"""Every kind of page, made of small runs that are labelled as one likes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from case_studies.batch_size.effects.tables import make_tables
from case_studies.batch_size.report.claims import list_claims
from case_studies.batch_size.report.page import render_study
from case_studies.batch_size.report.parts import Part, other_parts
from case_studies.batch_size.runs import Frames, read_study
from causalhyper import LINEAR, analyze, fit
from causalhyper.figures import compact_svg, to_svg
from causalhyper.granger.lasso import DenseColumns
from causalhyper.granger.masks import Masks, compare_masks
from causalhyper.granger.pruning import layer_report, phase_shift
from causalhyper.granger.significance.layers import layer_tests
from causalhyper.report import (
    Bullets,
    Cell,
    Code,
    Fold,
    Heading,
    PageSection,
    Picture,
    Prose,
    Provenance,
    ReportTable,
    Study,
    page,
    render_report,
    render_sections,
    reproduce_section,
)
from causalhyper.report.blocks import Block
from causalhyper.scm import FittedModel
from causalhyper.study import read_study as read_plan
from causalhyper.study import run_study, study_files
from tests.case_studies.batch_size_world import make_study
from tests.figures.test_svg import DRAWERS
from tests.report.conftest import GRAPH, ROLES, simulate_runs
from tests.repository import samples
from tests.simulated import CHAIN, Truth, runs
from tests.simulated import ROLES as SIMULATED
from tests.study.conftest import STUDY, toml
from tests.study.test_running import EVERY

_NAMES = re.compile(r"\b[BNSCG]\b")
_COLUMNS = tuple(simulate_runs(1).columns)


@dataclass(frozen=True)
class Labels:
    """What is put behind every label that a user can choose."""

    tail: str = ""

    def text(self, word: str) -> str:
        """Free text: titles, protocols, values, names of runs and files."""
        return word + self.tail

    def column(self, word: str) -> str:
        """A column's name, without the signs that a role refuses."""
        return re.sub(r"[=()\r\n]", "", word + self.tail).strip()

    def node(self, word: str) -> str:
        """A node's name: of the tail, what may stand in one."""
        return word + "".join(sign for sign in self.tail if sign.isalnum())

    def nodes(self, text: str) -> str:
        """A text with its nodes renamed."""
        return _NAMES.sub(lambda found: self.node(found[0]), text)

    def roles(self) -> dict[str, str]:
        """Node to column, of the small runs."""
        named = {self.node(v): label for v, label in ROLES.items()}
        return {v: re.sub(r"\w{4,}(?!\()(?<!log10)", self._name, s) for v, s in named.items()}

    def _name(self, found: re.Match[str]) -> str:
        return self.column(found[0]) if found[0] in _COLUMNS else found[0]

    def runs(self) -> pd.DataFrame:
        """The small runs with every column, value and name labelled."""
        runs = simulate_runs().rename(columns=self._kept)
        for name in ("run_id", self.column("dataset")):
            runs[name] = runs[name].map(self.text)
        return runs

    def _kept(self, name: str) -> str:
        return name if name == "run_id" else self.column(name)


PLAIN = Labels()


def analyze_page(labels: Labels = PLAIN) -> bytes:
    """The page of ``causalhyper analyze``, with two studies."""
    runs, word = labels.runs(), labels.text
    model = fit(
        labels.nodes(GRAPH),
        runs,
        labels.roles(),
        protocol=word("equal updates"),
        cluster=labels.column("seed"),
        context=labels.column("dataset"),
        mechanisms=LINEAR,
    )
    pair = labels.node("B"), labels.node("G")
    found = analyze(model, *pair, at=[16, 64], baseline=512, draws=100, seed=3)
    gappy = runs.assign(**{labels.column("note"): [None] * 5 + ["x"] * (len(runs) - 5)})
    studies = [Study(found, runs), Study(found, gappy)]
    versions = ((word("python"), word("3.12.1")),)
    provenance = Provenance(word("causalhyper analyze"), word("runs.csv"), "0" * 64, versions)
    return render_report(studies, provenance, title=word("A report"))


def run_page(labels: Labels = PLAIN) -> bytes:
    """The page of ``causalhyper run`` for a study that asks every query; nothing is left out."""
    study = STUDY | {
        "title": labels.text("A study"),
        "data": {"runs": "runs.csv", "cluster": labels.column("seed")},
        "roles": labels.roles(),
        "hypergraph": {"edges": labels.nodes(GRAPH)},
        "question": _renamed(STUDY["question"], labels),
        "protocol": {"sentence": labels.text("equal updates")},
        "query": _renamed(EVERY, labels),
    }
    with TemporaryDirectory() as folder:
        labels.runs().to_csv(Path(folder, "runs.csv"), index=False)
        file = Path(folder, "study.toml")
        file.write_text(toml(study), "utf-8")
        command = labels.text("causalhyper run study.toml")
        with patch.object(page, "LARGEST", 10**9):
            files = study_files(run_study(read_plan(file)), command)
    return next(html for path, html in files.items() if path.name == "index.html")


def _renamed(asked: Any, labels: Labels) -> Any:
    """The options of queries with nodes, columns and runs as they are labelled."""
    if isinstance(asked, dict):
        return {_renamed(k, labels): _renamed(v, labels) for k, v in asked.items()}
    if isinstance(asked, list):
        return [_renamed(v, labels) for v in asked]
    if not isinstance(asked, str):
        return asked
    if asked in _COLUMNS:
        return labels.column(asked)
    return labels.text(asked) if re.fullmatch(r"r\d+", asked) else labels.nodes(asked)


def sections_page(labels: Labels = PLAIN) -> bytes:
    """A page of one's own with every block, and the figure of every result of a model."""
    word = labels.text
    cells = ((Cell(word("row")), Cell("1.5", (1.5,)), Cell("1 to 2", (1.0, 2.0))),)
    table = ReportTable(word("A table"), (word("name"), word("value"), word("interval")), cells)
    blocks: tuple[Block, ...] = (
        Prose(word("A verdict."), verdict=True),
        Heading(word("A heading")),
        Prose(word("Prose.")),
        Bullets((word("one"), word("two"))),
        Code(word("python -m x")),
        table,
    )
    fold = Fold(word("Details"), (*blocks, Fold(word("more"), (table,))))
    return render_sections(
        word("A page"),
        [
            PageSection(word("Blocks"), (*blocks, fold)),
            PageSection(word("Figures"), tuple(_pictures(labels))),
            reproduce_section(word("python -m x"), [(word("runs.parquet"), "ab" * 32)]),
        ],
    )


def _pictures(labels: Labels) -> list[Picture]:
    word, made = labels.text, []
    with patch.object(samples, "model", lambda: _model(labels)):
        results = {name: make() for name, make in samples._queries().items()}
    drawn = {name: (result.plot(), result.summary()) for name, result in results.items()}
    for name, result in _of_layers(labels).items():
        drawn[name] = result.plot(), result.summary()
    drawn |= {draw.__name__: (draw(word("label")), "") for draw in DRAWERS}
    for number, (name, (axes, summary)) in enumerate(drawn.items()):
        named = {"title": word(name), "description": word(summary)}
        svg = to_svg(axes.figure, prefix=f"f{number}-", **named)
        made.append(Picture(compact_svg(svg), word(name)))
    return made


def _model(labels: Labels) -> FittedModel:
    columns = {name: labels.column(name) for name in ("b", "n", "s", "c", "g", "k")}
    frame = runs(Truth(), np.random.default_rng(0), clusters=8).rename(columns=columns)
    roles = {node: columns[name] for node, name in SIMULATED.items()}
    protocol = labels.text("equal epochs")
    return fit(CHAIN, frame, roles, protocol=protocol, cluster=columns["k"], mechanisms=LINEAR)


def _of_layers(labels: Labels) -> dict[str, Any]:
    """Results that show names of layers and of methods."""
    word, rng = labels.text, np.random.default_rng(0)
    masks = Masks({word(name): rng.random((20, 9)) < 0.2 for name in ("conv", "fc")})
    other = Masks({word(name): rng.random((20, 9)) < 0.2 for name in ("conv", "fc")})
    x, y = rng.chisquare(1, size=(120, 20)), rng.normal(size=120)
    columns = {word("conv"): DenseColumns(x[:, :8]), word("fc"): DenseColumns(x[:, 8:])}
    prunings = samples.prunings()
    prunings["method"] = prunings["method"].map(word)
    return {
        "PhaseShift": phase_shift(prunings),
        "MaskAgreement": compare_masks({word("causal"): [masks], word("magnitude"): [other]}),
        "PrunedLayers": layer_report(masks),
        "LayerTests": layer_tests(columns, y),
    }


def case_page(labels: Labels = PLAIN) -> bytes:
    """The page of the batch-size study, of the runs that are shipped."""
    study = read_study()
    return _case_page(study, labels, other_parts(study.runs))


def small_case_page(labels: Labels = PLAIN) -> bytes:
    """The same of few made-up runs, without mediation, ablations and policies."""
    return _case_page(Frames(*make_study(seeds={"graph": 5, "text": 4}), ()), labels, {})


def _case_page(study: Frames, labels: Labels, others: dict[str, Part]) -> bytes:
    tables = make_tables(study, draws=100)
    made = [replace(claim, finding=labels.text(claim.finding)) for claim in list_claims(tables)]
    files = tuple((labels.text(name), checksum) for name, checksum in study.checksums)
    return render_study(study.runs, tables, made, others, labels.text("python -m x"), files)


KINDS: dict[str, Callable[[Labels], bytes]] = {
    "analyze": analyze_page,
    "run": run_page,
    "sections": sections_page,
    "small case study": small_case_page,
    "case study": case_page,
}
"""By name, what makes a page; the last takes a minute."""

if __name__ == "__main__":
    for kind in sys.argv[1:]:
        sys.stdout.write(f"{kind} {sha256(KINDS[kind](PLAIN)).hexdigest()}\n")
