"""A page opened in a browser, with all that it asked for and said."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.report.browser.chromium import Chromium, Tab

_SETTLE = """(async () => {
  const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  if (document.readyState !== 'complete')
    await new Promise(done => addEventListener('load', done));
  await document.fonts.ready;
  for (const fold of document.querySelectorAll('details')) fold.open = true;
  await frame();
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
    scrollTo(0, y);
    await frame();
  }
  scrollTo(0, 0);
  await frame();
  for (const fold of document.querySelectorAll('details')) fold.open = false;
  await frame();
})()"""
"""Folds are opened and the whole page is scrolled past, for what loads only when it is seen."""


class OpenedPage:
    """What a browser makes of a page; `tab` answers further questions."""

    def __init__(self, tab: Tab, path: Path) -> None:
        self.tab, self.url = tab, path.resolve().as_uri()
        self.resize(1200)
        tab.ask("Page.navigate", url=self.url)
        tab.run(_SETTLE)

    @property
    def requests(self) -> list[str]:
        """Every network event but those of reading the page's own file, in words."""
        events = [e for e in self.tab.events if e["method"].startswith("Network.")]
        own = {
            e["params"]["requestId"]
            for e in events
            if e["method"] == "Network.requestWillBeSent"
            and e["params"]["type"] == "Document"
            and e["params"]["request"]["url"] == self.url
        }
        others = [e for e in events if e["method"] != "Network.policyUpdated"]
        left = [e for e in others if e["params"].get("requestId") not in own]
        return [f"{e['method']} {_address(e['params'])}".strip() for e in left]

    @property
    def complaints(self) -> list[str]:
        """What the console shows, at any level, dialogs, and faults that the browser finds."""
        kinds = {
            "Runtime.consoleAPICalled",
            "Runtime.exceptionThrown",
            "Log.entryAdded",
            "Audits.issueAdded",
            "Page.javascriptDialogOpening",
        }
        return [f"{e['method']}: {e['params']}" for e in self.tab.events if e["method"] in kinds]

    def resize(self, width: int, height: int = 900) -> None:
        """Show the page in a window of so many CSS pixels."""
        self.tab.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    @contextmanager
    def unfolded(self) -> Iterator[None]:
        """Show all folded details while the block runs."""
        every = "for (const fold of document.querySelectorAll('details')) fold.open = "
        self.tab.run(f"{every} true")
        try:
            yield
        finally:
            self.tab.run(f"{every} false")

    @contextmanager
    def in_print(self) -> Iterator[None]:
        """Lay the page out as for print while the block runs."""
        self.tab.ask("Emulation.setEmulatedMedia", media="print")
        try:
            yield
        finally:
            self.tab.ask("Emulation.setEmulatedMedia", media="")

    def screenshot(self) -> bytes:
        """The whole page as PNG in the window's width, at half its size."""
        height = self.tab.run("document.documentElement.scrollHeight")
        width = self.tab.run("innerWidth")
        part = {"x": 0, "y": 0, "width": width, "height": height, "scale": 0.5}
        options: dict[str, Any] = {"format": "png", "captureBeyondViewport": True, "clip": part}
        return base64.b64decode(self.tab.ask("Page.captureScreenshot", **options)["data"])

    def view(self) -> bytes:
        """What the window shows, as PNG."""
        return base64.b64decode(self.tab.ask("Page.captureScreenshot", format="png")["data"])

    @cached_property
    def pdf(self) -> bytes:
        """The page on A4 as it comes from the print dialog, tagged."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": True}
        printed = self.tab.ask("Page.printToPDF", generateTaggedPDF=True, **paper)
        return base64.b64decode(printed["data"])


def _address(params: dict[str, Any]) -> str:
    asked = params.get("request") or params.get("response") or params
    return str(asked.get("url", ""))


def pixels(png: bytes) -> NDArray[np.uint8]:
    """Red, green and blue of a picture, of shape (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@contextmanager
def open_page(chromium: Chromium, path: Path) -> Iterator[OpenedPage]:
    """Open a file in a tab of its own."""
    tab = chromium.open_tab()
    try:
        yield OpenedPage(tab, path)
    finally:
        tab.close()
