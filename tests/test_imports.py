from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import scgde

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "scgde"
FILES = sorted(SOURCE.rglob("*.py"))
PACKAGES = sorted(path.parent for path in FILES if path.name == "__init__.py")

#: An arrow of the design: the layer -> the layers that it may import, besides itself and the shared modules.
MAY_IMPORT = {
    "sets": set(),
    "nn": set(),
    "train": set(),
    "metrics": set(),
    "stats": set(),
    "data": {"sets", "nn"},
    "module": {"nn"},
    "predictors": {"nn", "stats", "train"},
    "model": {"data", "module", "train", "nn", "predictors", "sets", "stats"},
    "results": {"model", "data", "predictors", "sets", "metrics", "stats"},
    "pp": {"sets"},
    "tl": {"model", "results", "data", "metrics", "nn", "predictors", "sets", "stats"},
    "pl": {"get", "metrics", "sets"},
    "get": {"sets"},
    "datasets": set(),
    "cli": {"tl", "pl", "get", "pp", "metrics", "datasets", "model"},
}
SHARED = {
    "_types",
    "_checks",
    "_columns",
    "_docs",
    "_files",
    "_hidden_progress",
    "_hints",
    "_keys",
    "_progress",
    "_registry",
    "_settings",
    "_summary",
}
#: Libraries that only the named layers may import.
ONLY_IN = {
    "scvi": {"data", "model"},
    "lightning": {"data", "train", "model"},
    "torch": {"nn", "data", "module", "train", "predictors", "model"},
    "matplotlib": {"pl", "cli"},
    "typer": {"cli"},
}
#: Files of a layer of verbs that define none.
HELPERS = {"datasets": {"common", "download", "published"}, "get": {"sharing"}}
#: Layers that may import nothing but these libraries and the standard library.
NOTHING_BUT = {"nn": {"torch", "numpy", "scipy", "ot"}, "stats": {"numpy", "scipy", "sklearn", "lazy_loader"}}


def imports_of(source: str) -> set[str]:
    """Dotted names of all that ``source`` imports, also within functions and for type checking."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            prefix = "." * node.level + (node.module or "")
            names |= {f"{prefix}.{alias.name}" for alias in node.names}
    return names


def violations(layer: str, source: str) -> list[str]:
    """What ``source``, a file of ``layer``, imports against the design."""
    return [f"{layer}: {name}" for name in sorted(imports_of(source)) if not _is_allowed(layer, name)]


def _is_allowed(layer: str, name: str) -> bool:
    top, _, rest = name.partition(".")
    if not top:
        return False  # relative
    if top == "scgde":
        allowed = MAY_IMPORT.get(layer, set()) | SHARED | {layer, "__version__"}
        return rest.partition(".")[0] in allowed  # a bare `import scgde` would hide what is used
    if top in sys.stdlib_module_names:
        return True
    return layer in ONLY_IN.get(top, {layer}) and top in NOTHING_BUT.get(layer, {top})


def _layer(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def _id(path: Path) -> str:
    return path.relative_to(SOURCE.parent).as_posix()


def test_import_scgde_leaves_heavy_libraries_out():
    heavy = {"torch", "scvi", "scanpy", "anndata", "lightning", "matplotlib", "pandas", "sklearn", "scipy"}
    program = f"import sys, scgde; print(sorted({heavy!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


#: First uses of an AnnData that stores its model.
_INFERENCE = """
import sys, anndata, scgde
adata = anndata.read_h5ad(sys.argv[1])
scgde.tl.embed(adata, adata)
scgde.tl.generate(adata, adata.uns["gde"]["sets"].index[0], n_cells=5)
scgde.tl.distances(adata)
print(sorted({"scvi", "lightning", "torchmetrics", "scanpy", "matplotlib", "torch._dynamo"} & set(sys.modules)))
"""


def test_inference_of_a_stored_model_leaves_what_trains_out(tmp_path):
    adata = scgde.datasets.gaussian_sets(6, (8, 12), 3, seed=0)
    scgde.tl.fit_gde(adata, "set", min_cells=2, max_steps=1, progress_bar=False)
    adata.write_h5ad(tmp_path / "fitted.h5ad")
    command = [sys.executable, "-W", "ignore", "-c", _INFERENCE, str(tmp_path / "fitted.h5ad")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ["GDE", "TDE"])
def test_models_are_of_scvi_tools(name):
    from scvi.model.base import BaseModelClass

    assert issubclass(getattr(scgde.model, name), BaseModelClass)


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_file_imports_what_its_layer_may(path):
    assert violations(_layer(path), path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        ("pl", "from scgde.tl import fit_gde"),
        ("pl", "def draw():\n    from scgde import model"),
        ("nn", "import pandas as pd"),
        ("nn", "from scgde.data import SetIndex"),
        ("sets", "import torch"),
        ("stats", "import pandas as pd"),
        ("stats", "from scgde.metrics import energy_distance"),
        ("pp", "import torch.nn.functional as F"),
        ("tl", "from scvi.data import AnnDataManager"),
        ("tl", "import torch"),
        ("results", "from scgde.tl import fit_gde"),
        ("get", "import scgde"),
        ("sets", "from ..model import GDE"),
        ("_keys", "from scgde.pp import make_sets"),
    ],
)
def test_violations_finds_a_forbidden_import(layer, source):
    assert len(violations(layer, source)) == 1


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        ("pl", "import matplotlib.pyplot as plt\nfrom scgde._keys import SETS"),
        ("nn", "import math\nimport numpy as np\nimport torch\nfrom scgde.nn.layers import FourierTime"),
        ("tl", "from scgde.model import GDE\nfrom scgde import __version__"),
        ("model", "from scvi.model.base import BaseModelClass"),
    ],
)
def test_violations_is_empty_for_allowed_imports(layer, source):
    assert violations(layer, source) == []


def test_every_layer_of_the_source_is_in_the_table():
    assert {_layer(path) for path in FILES} <= set(MAY_IMPORT) | SHARED | {"__init__"}


@pytest.mark.parametrize("package", PACKAGES, ids=_id)
def test_package_resolves_all_of_its_public_names(package):
    module = importlib.import_module(".".join(package.relative_to(SOURCE.parent).parts))
    assert module.__all__
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("layer", ["pp", "tl", "get", "datasets"])
def test_files_of_verbs_are_the_verbs(layer):
    """``ls`` shows the API: one file for each public function, and a helper only where several share it."""
    public = set(importlib.import_module(f"scgde.{layer}").__all__)
    files = {path.stem.removeprefix("_") for path in (SOURCE / layer).glob("_[a-z]*.py")}
    assert files - public <= HELPERS.get(layer, set())


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_file_has_at_most_300_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert scgde.__version__ == project["version"]
