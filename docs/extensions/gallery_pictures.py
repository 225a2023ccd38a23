"""How the gallery finds its pictures: axes that a block ends with, of whatever figure."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst


def picture_of_axes(block: Any, found: dict[str, Any], settings: dict[str, Any]) -> str:
    """Write the figure that a block's last expression gives.

    Figures of this library are known to no global state, where Sphinx-Gallery looks for them.
    """
    last = found["example_globals"].get("___")
    if not isinstance(last, (Axes, Figure)) or last is found.get("drawn"):
        return ""
    found["drawn"] = last  # a block that ends otherwise leaves it in place
    path = Path(next(found["image_path_iterator"]))
    last.figure.savefig(path, dpi=150)
    return str(figure_rst([path], settings["src_dir"]))
