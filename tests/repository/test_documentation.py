"""The built documentation leaves out no page and no public name."""

import importlib
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
GALLERY = DOCS / "generated" / "gallery" / "index.md"
"""Written by the build, from `docs/gallery`."""
DATA = {
    "ADJUSTED",
    "COLUMNS",
    "CRITERIA",
    "KNOWN",
    "LATEX_PACKAGES",
    "MEASUREMENTS",
    "PALETTE",
    "SCHEMA",
}
DATA |= {"LASSO", "LINEAR", "PENALTIES", "SPLINE", "STEP_COLUMNS", "STUDY_SCHEMA"}
DATA |= {"EngineError", "Losses", "Row"}
"""Constants and what another page lists: in the text, not in the lists."""
PACKAGES = [
    "causalhyper",
    "causalhyper.frames",
    "causalhyper.frames.logged",
    "causalhyper.frames.trajectory",
    "causalhyper.figures",
    "causalhyper.granger.choice",
    "causalhyper.granger.criteria",
    "causalhyper.granger.design",
    "causalhyper.granger.lasso",
    "causalhyper.granger.masks",
    "causalhyper.granger.pruning",
    "causalhyper.granger.screening",
    "causalhyper.granger.stochastic",
    "causalhyper.hypergraph",
    "causalhyper.identification",
    "causalhyper.report",
    "causalhyper.report.pruning",
    "causalhyper.results",
    "causalhyper.study",
    "collectors.curvature",
    "collectors.ensembles",
    "collectors.ensembles.measures",
    "collectors.networks",
    "collectors.pruning",
    "collectors.recording",
    "collectors.sweeps",
]


def listed() -> set[str]:
    pages = "\n".join(page.read_text("utf-8") for page in (DOCS / "api").glob("*.md"))
    return set(re.findall(r"^   (\w+)$", pages, flags=re.MULTILINE))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_listed(package: str) -> None:
    public = set(importlib.import_module(package).__all__)
    assert not public - DATA - listed()


def test_every_page_is_in_the_table_of_contents() -> None:
    tables = [DOCS / "index.md", *(DOCS / "sections").glob("*.md")]
    contents = {entry for table in tables for entry in _entries(table)}
    pages = {p for p in DOCS.glob("**/*.md") if not {"_build", "generated"} & set(p.parts)}
    assert pages - {DOCS / "index.md"} == contents - {GALLERY}
    assert GALLERY in contents


def _entries(table: Path) -> set[Path]:
    body = re.search(r"```\{toctree\}\n:maxdepth: \d\n\n(.*?)```", table.read_text("utf-8"), re.S)
    assert body
    return {(table.parent / f"{entry}.md").resolve() for entry in body[1].split()}
