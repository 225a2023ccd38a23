"""The layers import downward only, and nothing but collectors imports torch."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = (
    "errors",
    "arrays",
    "progress",
    "notebook",
    "parallel",
    "frames",
    "figures",
    "hypergraph",
    "identification",
    "mechanisms",
    "inference",
    "results",
    "scm",
    "granger",
    "queries",
    "report",
    "study",
    "cli",
    "__main__",
)
"""Bottom to top; a module may import its own layer and those before it."""
EXTRAS = {"torch", "lightning", "transformers", "torch_geometric", "mlflow"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} uses a relative import"
            yield node.module or ""


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT / "causalhyper").parts[0].removesuffix(".py")


MODULES = sorted(p for p in (ROOT / "causalhyper").rglob("*.py") if p.parent != ROOT)
INSIDE = [p for p in MODULES if layer_of(p) != "__init__"]


def test_every_package_stands_in_the_list_of_layers() -> None:
    assert {layer_of(p) for p in INSIDE} == set(LAYERS)


@pytest.mark.parametrize("path", INSIDE, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_its_own_layer_and_lower_ones(path: Path) -> None:
    own = LAYERS.index(layer_of(path))
    for name in imports(path):
        parts = name.split(".")
        assert parts[0] not in {"collectors", "case_studies", "tests"}, f"{path} imports {name}"
        if parts[0] == "causalhyper":
            assert len(parts) > 1, f"{path} imports the package itself"
            assert LAYERS.index(parts[1]) <= own, f"{path} imports {name}, a layer above"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_imports_no_extra(path: Path) -> None:
    assert not EXTRAS & {name.split(".")[0] for name in imports(path)}


def test_collectors_import_nothing_of_the_core_but_frames_errors_engines_and_pruning() -> None:
    allowed = {"frames", "errors", "parallel", "figures", "granger", "notebook"}
    # runs of a sweep and fits of layers are dispatched by the same engines, which know of neither;
    # pruning trains networks, and takes its criteria and masks from the core
    for path in (ROOT / "collectors").rglob("*.py"):
        for name in imports(path):
            if name.startswith("causalhyper"):
                assert name.split(".")[1] in allowed, f"{path} imports {name}"


def test_packages_have_no_import_circle() -> None:
    done: set[Path] = set()

    def visit(path: Path, chain: tuple[Path, ...]) -> None:
        assert path not in chain, " -> ".join(str(p.relative_to(ROOT)) for p in (*chain, path))
        if path in done:
            return
        for name in imports(path):
            if name.startswith("causalhyper."):
                target = ROOT / (name.replace(".", "/") + ".py")
                if target.exists():
                    visit(target, (*chain, path))
        done.add(path)

    for path in INSIDE:
        visit(path, ())


@pytest.mark.parametrize("extra", ["torch", "matplotlib", "jinja2", "typer", "joblib", "sklearn"])
def test_importing_the_package_does_not_import(extra: str) -> None:
    code = f"import causalhyper, sys; sys.exit({extra!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_no_two_classes_share_a_name() -> None:
    found: dict[str, list[str]] = {}
    for path in INSIDE:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}


def test_arrays_are_named_in_one_place() -> None:
    named = {"NDArray[np.float64]", "NDArray[np.intp]", "NDArray[np.bool_]"}
    for path in INSIDE:
        if layer_of(path) != "arrays":
            text = path.read_text("utf-8")
            assert not [kind for kind in named if kind in text], path
