"""Formulas as MathML: every browser shows it by itself, so no script is loaded for them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latex2mathml.converter import convert

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator


def to_mathml(latex: str, *, display: bool) -> str:
    r"""Return a formula as a MathML element.

    Parameters
    ----------
    latex : str
        Without dollar signs.
    display : bool
        Whether it stands on a line of its own.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the formula is not understood as a whole: a command that the converter does not know
        would otherwise be shown as it is written.

    Examples
    --------
    >>> to_mathml(r"\gamma_k", display=False)[-62:]
    '<mrow><msub><mi>&#x003B3;</mi><mi>k</mi></msub></mrow></math>'
    """
    known = re.sub(r"(begin|end)\{aligned\}", r"\1{align*}", latex)
    found = convert(known, display="block" if display else "inline")
    shown = re.sub(r"<[^>]*>", " ", found)
    if strange := re.findall(r"\\[A-Za-z]*|&(?!#?\w+;)", shown):
        raise ValueError(f"the formula {latex!r} has {strange[0]!r}, which has no MathML here")
    return found


def write_inline(writer: HTML5Translator, node: nodes.math) -> None:
    """Write a formula within a line."""
    _write(writer, to_mathml(node.astext(), display=False))


def write_block(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, with its number where it has a label."""
    number = f'<span class="eqno">({node["number"]})</span>' if node["number"] else ""
    opening = writer.starttag(node, "div", CLASS="formula") + number
    _write(writer, f"{opening}{to_mathml(node.astext(), display=True)}</div>\n")


def _write(writer: HTML5Translator, element: str) -> None:
    from docutils.nodes import SkipNode

    writer.body.append(element)
    raise SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Show the formulas of all pages as MathML."""
    app.add_html_math_renderer("mathml", (write_inline, None), (write_block, None))
    app.config.html_static_path.append(str(Path(__file__).parent / "static"))
    app.add_css_file("formulas.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
