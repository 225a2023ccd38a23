"""How Sphinx builds the documentation: `make docs`, warnings are errors."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "causalhyper"
author = "The causalhyper developers"
copyright = "2026, The causalhyper developers"
version = release = installed_version("causalhyper")

extensions = [
    "myst_nb",
    "sphinx_gallery.gen_gallery",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_design",
    "mathml",
    "offline",
]
source_suffix = {".md": "myst-nb", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "gallery", "generated/gallery/*.[!r]*"]
templates_path = ["_templates"]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# in the order of the page, so that prose takes its numbers from cells; stopped at the first error
nb_execution_mode = "inline"
nb_execution_raise_on_error = True
nb_execution_timeout = 120

sphinx_gallery_conf = {
    "examples_dirs": ["gallery"],
    "gallery_dirs": ["generated/gallery"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ["gallery_pictures.picture_of_axes"],
    "ignore_repr_types": r"matplotlib\.",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "min_reported_time": 60,
    "write_computation_times": False,
}

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "pydata_sphinx_theme"
html_title = "causalhyper"
html_static_path = ["static"]
html_css_files = ["notebooks.css"]
html_theme_options = {
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
}
