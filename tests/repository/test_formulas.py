"""Formulas of pages and docstrings become MathML; built pages load nothing from elsewhere."""

import ast
import importlib.util
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
THEORY = (ROOT / "docs" / "theory.md").read_text("utf-8")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)


def extension(name: str) -> ModuleType:
    path = ROOT / "docs" / "extensions" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MATHML, OFFLINE = extension("mathml"), extension("offline")


def of_page(path: Path) -> list[str]:
    text = CODE.sub(" ", path.read_text("utf-8"))
    return re.findall(r"\$\$(.*?)\$\$", text, re.S) + re.findall(r"(?<!\$)\$([^$]+)\$(?!\$)", text)


def docstrings(path: Path) -> Iterator[str]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield inspect.cleandoc(text)


def of_module(path: Path) -> list[str]:
    found = []
    for text in docstrings(path):
        found += re.findall(r":math:`([^`]+)`", text)
        found += re.findall(r"^( *)\.\. math:: ?(.*(?:\n\1 +.*)*)", text, re.M)
    return [f if isinstance(f, str) else f[1] for f in found]


PAGES = [p for p in sorted((ROOT / "docs").glob("*.md")) if of_page(p)]
MODULES = [
    p for d in ("causalhyper", "collectors") for p in (ROOT / d).rglob("*.py") if of_module(p)
]


def test_pages_and_modules_have_formulas() -> None:
    assert {"theory.md", "lasso.md"} <= {p.name for p in PAGES}
    assert len(MODULES) > 40


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.name)
def test_the_formulas_of_a_page_are_understood(path: Path) -> None:
    for latex in of_page(path):
        ElementTree.fromstring(MATHML.to_mathml(latex, display=True))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_formulas_of_a_module_are_understood(path: Path) -> None:
    for latex in of_module(path):
        ElementTree.fromstring(MATHML.to_mathml(latex, display=False))


def test_lines_that_are_aligned_become_rows_of_a_table() -> None:
    latex = r"\begin{aligned} a &= b \\ c &= d \end{aligned}"
    page = ElementTree.fromstring(MATHML.to_mathml(latex, display=True))
    space = "{http://www.w3.org/1998/Math/MathML}"
    assert len(page.findall(f".//{space}mtr")) == 2


@pytest.mark.parametrize("latex", [r"\nosuchcommand x", r"a &= b"])
def test_a_formula_that_would_be_shown_as_it_is_written_is_refused(latex: str) -> None:
    with pytest.raises(ValueError, match="has no MathML here"):
        MATHML.to_mathml(latex, display=True)


@pytest.mark.parametrize(
    ("page", "loads"),
    [
        ('<a href="https://a.org">a</a><p>https://b.org', []),
        ('<link rel="canonical" href="https://a.org/x">', []),
        ('<link rel="stylesheet" href="https://a.org/x.css">', ["https://a.org/x.css"]),
        ('<script src="//a.org/x.js"></script>', ["//a.org/x.js"]),
        ('<img src="x.png" srcset="https://a.org/2.png 2x">', ["https://a.org/2.png"]),
        ("<style>@import 'https://a.org/x.css';</style>", ["https://a.org/x.css"]),
        ('<p style="background: url(https://a.org/x.png)">', ["https://a.org/x.png"]),
        ('<script>import("https://a.org/x.js")</script>', ["https://a.org/x.js"]),
        ('<svg><image href="https://a.org/x.png"/></svg>', ["https://a.org/x.png"]),
        ('<img src="_images/x.png"><svg xmlns="http://www.w3.org/2000/svg"></svg>', []),
    ],
)
def test_what_a_page_loads_from_elsewhere_is_found(page: str, loads: list[str]) -> None:
    assert OFFLINE.remote_loads(page) == loads


def test_the_check_of_a_build_reads_pages_and_styles(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "index.html").write_text('<script src="https://a.org/x.js"></script>')
    (tmp_path / "own.css").write_text("@font-face { src: url('https://a.org/f.woff') }")
    found = {(p.name, address) for p, address in OFFLINE.pages_that_load(tmp_path)}
    assert found == {("index.html", "https://a.org/x.js"), ("own.css", "https://a.org/f.woff")}


def test_the_documentation_is_built_with_both() -> None:
    settings = (ROOT / "docs" / "conf.py").read_text("utf-8")
    assert '"mathml"' in settings
    assert '"offline"' in settings
    assert "mathjax" not in settings


def test_files_that_the_theory_names_exist() -> None:
    names = re.findall(r"`((?:\w+/)+\w+\.py)`", THEORY)
    assert len(names) > 25
    for name in names:
        assert any((ROOT / top / name).is_file() for top in ("causalhyper", "")), name


def test_every_source_of_the_theory_is_cited_and_every_citation_has_its_source() -> None:
    text, _, sources = THEORY.partition("## References")
    assert set(re.findall(r"\[\^(\w+)\]", text)) == set(
        re.findall(r"^\[\^(\w+)\]:", sources, re.M)
    )
