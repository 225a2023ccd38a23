"""The collectors' place: torch is theirs alone, they need little of the core, and say it well."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from numpydoc.validate import validate

import collectors

ROOT = Path(__file__).parents[2]
MODULES = sorted(i.name for i in pkgutil.walk_packages(collectors.__path__, "collectors."))
CHECKS = {"GL01", "GL02", "GL03", "GL06", "GL07", "SS03", "SS05", "PR01", "PR02", "PR03", "RT01"}


def imports(folder):
    """Every module imported anywhere below a folder, also inside functions."""
    for file in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from ((file, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield file, node.module


def public_functions():
    for name in MODULES:
        module = importlib.import_module(name)
        for key, thing in vars(module).items():
            if inspect.isfunction(thing) and thing.__module__ == name and key[0] != "_":
                yield f"{name}.{key}"


def test_the_core_never_imports_torch_nor_the_collectors():
    found = list(imports("causalhyper"))
    assert len(found) > 50
    banned = {"torch", "torch_geometric", "collectors"}
    assert [(file, name) for file, name in found if name.split(".")[0] in banned] == []


def test_the_collectors_import_torch():
    assert any(name.split(".")[0] == "torch" for _, name in imports("collectors"))


def test_outside_pruning_the_collectors_need_five_packages_of_the_core():
    # pruning alone has criteria and masks of the core between its stages of training
    found = {
        name
        for file, name in imports("collectors")
        if name.startswith("causalhyper") and "pruning" not in file.parts
    }
    core = {".".join(name.split(".")[:2]) for name in found}
    assert core == {
        "causalhyper.errors",
        "causalhyper.figures",
        "causalhyper.frames",
        "causalhyper.notebook",
        "causalhyper.parallel",
    }


def test_importing_the_core_leaves_torch_out():
    code = "import sys, causalhyper; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("name", sorted(public_functions()))
def test_a_public_function_has_a_valid_numpydoc_docstring(name):
    assert [error for error in validate(name)["errors"] if error[0] in CHECKS] == []


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
