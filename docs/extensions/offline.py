"""Pages that load nothing from elsewhere: a page that would is a warning, so the build fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LOADED = {"data", "poster", "src", "srcset"}
"""Attributes of any element that name what is loaded with the page; a link's href is one, too."""
FOLLOWED = {"canonical", "next", "prev", "search", "index", "author", "license"}
"""What a link element says without anything being loaded."""
REMOTE = re.compile(r"(?:https?:)?//[^\s)\"']+")
IN_STYLE = re.compile(r"(?:url\(\s*[\"']?|@import\s+[\"'])((?:https?:)?//[^\s)\"']+)")
IN_SCRIPT = re.compile(r"(?:import|fetch|importScripts)\s*\(?\s*[\"'](https?://[^\"']+)")


class _Loads(HTMLParser):
    """Collect what the elements of a page load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the addresses of one element."""
        self.inside = tag
        given = {name: value or "" for name, value in attrs}
        names = LOADED | ({"href"} if self._loads_href(tag, given) else set())
        for name in names & given.keys():
            self.found += REMOTE.findall(given[name])[:1]
        self.found += IN_STYLE.findall(given.get("style", ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave a style or a script."""
        self.inside = ""

    def handle_data(self, data: str) -> None:
        """Take the addresses that a style or a script loads."""
        if self.inside == "style":
            self.found += IN_STYLE.findall(data)
        elif self.inside == "script":
            self.found += IN_SCRIPT.findall(data)

    def _loads_href(self, tag: str, given: dict[str, str]) -> bool:
        if tag == "link":
            return not set(given.get("rel", "").split()) <= FOLLOWED
        return tag in {"image", "use"}


def remote_loads(page: str) -> list[str]:
    """List what a page loads from the network; hyperlinks, which a reader follows, are none.

    Parameters
    ----------
    page : str
        HTML.

    Returns
    -------
    list of str
        Addresses, in order.

    Examples
    --------
    >>> remote_loads('<a href="https://a.org">a</a><img src="https://b.org/c.png">')
    ['https://b.org/c.png']
    """
    parser = _Loads()
    parser.feed(page)
    return parser.found


def pages_that_load(folder: Path) -> Iterator[tuple[Path, str]]:
    """Give every page below a folder with each address that it loads, styles included."""
    for page in sorted(folder.rglob("*.html")):
        for address in remote_loads(page.read_text("utf-8")):
            yield page, address
    for sheet in sorted(folder.rglob("*.css")):
        for address in IN_STYLE.findall(sheet.read_text("utf-8")):
            yield sheet, address


def check(app: Sphinx, failed: Exception | None) -> None:
    """Warn of every page of a finished build that loads something from the network."""
    from sphinx.util.logging import getLogger

    if failed is None and app.builder.format == "html":
        for page, address in pages_that_load(Path(app.outdir)):
            name = page.relative_to(app.outdir)
            getLogger(__name__).warning("%s loads %s: ship it with the pages", name, address)


def setup(app: Sphinx) -> dict[str, Any]:
    """Check the pages when they are built."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
