"""Figures as SVG that can stand inside a page, several to a page, the same bytes every time."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

from matplotlib.figure import Figure, SubFigure

from causalhyper.errors import ConfigurationError
from causalhyper.figures.style import house_style
from causalhyper.figures.text import allow_missing_glyphs, as_text
from causalhyper.notebook.text import printable

_NAMESPACES = {
    "{http://www.w3.org/2000/svg}": "",
    "{http://www.w3.org/1999/xlink}": "xlink:",
    "{http://www.w3.org/XML/1998/namespace}": "xml:",
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def to_svg(figure: Figure | SubFigure, *, title: str, description: str, prefix: str) -> str:
    """Write a figure as an `<svg>` element for an HTML page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        A part of a figure is written with the whole.
    title, description : str
        Read out in place of the picture.
    prefix : str
        Put before every id, so that ids stay unique in a page: letters, digits, "_" and "-".

    Returns
    -------
    str
        As wide as its place allows, at most the figure's own width. Equal figures give equal
        text; it holds no script, no metadata and no rule that reaches outside the element.

    Raises
    ------
    ConfigurationError
        For a prefix that cannot begin an id.

    Examples
    --------
    >>> from causalhyper.figures.style import new_axes
    >>> to_svg(new_axes().figure, title="Empty", description="Nothing", prefix="a-")[:24]
    '<svg xmlns="http://www.w'
    """
    if not _PREFIX.fullmatch(prefix):
        raise ConfigurationError(
            f"the prefix of an SVG must be a letter, then letters, digits, '_' or '-'; "
            f"got {prefix!r}: use one such as 'figure1-'"
        )
    drawn = ElementTree.fromstring(_draw(figure))
    for element in drawn.iter():
        _use_plain_names(element)
        _prefix_ids(element, prefix)
        if element.tag == "style" and element.text:
            element.text = element.text.replace("*{", f"#{prefix}svg-root *{{")
    return ElementTree.tostring(_frame(drawn, title, description, prefix), encoding="unicode")


def _draw(figure: Figure | SubFigure) -> str:
    """Write the whole figure as matplotlib does, without a prolog."""
    target = io.StringIO()
    for axes in figure.figure.get_axes():  # from where the layout starts, whatever came before
        if (place := axes.get_subplotspec()) is not None:
            axes.set_subplotspec(place)
    with house_style(), allow_missing_glyphs():
        figure.figure.savefig(target, format="svg", metadata=_NO_METADATA)
    text = target.getvalue()
    return printable(text[text.index("<svg") :])


def _use_plain_names(element: ElementTree.Element) -> None:
    """Write names without namespaces, as HTML does: "g", "xlink:href"."""
    for uri, short in _NAMESPACES.items():
        element.tag = element.tag.replace(uri, short)
        for name in [name for name in element.attrib if name.startswith(uri)]:
            element.set(name.replace(uri, short), element.attrib.pop(name))


def _prefix_ids(element: ElementTree.Element, prefix: str) -> None:
    """Put the prefix before the element's id and every id that it refers to."""
    for name, value in element.attrib.items():
        if name == "id":
            element.set(name, prefix + value)
        elif name in ("href", "xlink:href"):
            element.set(name, re.sub(r"^#", f"#{prefix}", value))
        else:
            element.set(name, value.replace("url(#", f"url(#{prefix}"))


def _frame(
    drawn: ElementTree.Element, title: str, description: str, prefix: str
) -> ElementTree.Element:
    """Put a drawing into an element that scales, with a name for those who cannot see it."""
    root = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "xmlns:xlink": "http://www.w3.org/1999/xlink",
            "id": f"{prefix}svg-root",
            "viewBox": drawn.attrib["viewBox"],
            "width": "100%",
            "style": f"max-width: {drawn.attrib['width']}; height: auto",
            "role": "img",
            "aria-labelledby": f"{prefix}svg-title {prefix}svg-desc",
        },
    )
    for tag, text in (("title", title), ("desc", description)):
        named = ElementTree.SubElement(root, tag, {"id": f"{prefix}svg-{tag}"})
        named.text = as_text(text)
    root.extend(drawn)
    return root
