"""Sphinx configuration. A build needs no network: inventories of other projects are read on Read the Docs only."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sphinx.ext.napoleon import NumpyDocstring

import scgde

HERE = Path(__file__).parent


def copy_tutorials() -> None:
    """Bring the notebooks, which live at the root of the project, under the source folder of Sphinx."""
    target = HERE / "tutorials"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for notebook in sorted((HERE.parent / "tutorials").glob("*.ipynb")):
        shutil.copy2(notebook, target)


def returns_as_prose(self: NumpyDocstring, section: str) -> list[str]:
    """Types stand in signatures only, so what is under Returns is a text and does not begin with a type."""
    lines = self._dedent(self._consume_to_next_section())
    return [*self._format_block(":returns: ", lines), ""]


copy_tutorials()
NumpyDocstring._parse_returns_section = returns_as_prose

project = "scgde"
author = "The scgde developers"
copyright = f"2026, {author}"
version = release = scgde.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxcontrib.bibtex",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
pygments_style = "default"

autosummary_generate = True
nitpicky = True
#: Types in signatures, which have no page here; and the entries of summaries, whose pages are under other names.
nitpick_ignore_regex = [
    ("py:class", r"(?!scgde\.).*"),
    ("py:class", r"scgde\.(\w+\.)*_.*"),
    ("py:class", r"scgde\.nn\.\w+\.\w+"),
    ("py:obj", r"scgde\..*"),
]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 100  # longer ones have a line for each parameter
autodoc_type_aliases = {"ArrayLike": "ArrayLike"}
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_rtype = False
napoleon_use_param = True
napoleon_attr_annotations = False

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the stored outputs are shown; the tests re-execute the notebooks

bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

inventories = {
    "python": "https://docs.python.org/3",
    "anndata": "https://anndata.readthedocs.io/en/stable",
    "matplotlib": "https://matplotlib.org/stable",
    "numpy": "https://numpy.org/doc/stable",
    "pandas": "https://pandas.pydata.org/docs",
    "scanpy": "https://scanpy.readthedocs.io/en/stable",
    "scvi": "https://docs.scvi-tools.org/en/stable",
    "torch": "https://docs.pytorch.org/docs/stable",
}
if os.environ.get("READTHEDOCS") == "True":
    intersphinx_mapping = {name: (address, None) for name, address in inventories.items()}

html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_css_files = ["scgde.css"]
html_title = "scgde"
html_show_sourcelink = False
html_theme_options = {
    "repository_url": "https://github.com/scgde/scgde",
    "use_repository_button": True,
    "use_issues_button": True,
    "navbar_persistent": [],  # the search is in the sidebar
}
