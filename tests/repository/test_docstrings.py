"""Public docstrings are numpydoc, and their examples run."""

import doctest
import importlib
import inspect
import pkgutil

import pytest
from numpydoc.validate import validate

import causalhyper

MODULES = sorted(info.name for info in pkgutil.walk_packages(causalhyper.__path__, "causalhyper."))
CHECKS = {"GL01", "GL02", "GL03", "GL06", "GL07", "SS03", "PR01", "PR02", "PR03", "RT01"}
"""Layout of the docstring, parameters documented and in order, returns documented."""
BRIEF = {"PR01", "RT01"}
"""Not asked of a docstring of one line: one sentence may say it all."""


def public_functions() -> list[str]:
    names = []
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name, thing in vars(module).items():
            own = getattr(thing, "__module__", "") == module_name
            if own and inspect.isfunction(thing) and not name.startswith("_"):
                names.append(f"{module_name}.{name}")
    return sorted(names)


@pytest.mark.parametrize("name", public_functions())
def test_a_public_function_has_a_valid_numpydoc_docstring(name: str) -> None:
    found = {code for code, _ in validate(name)["errors"]}
    document = validate(name)["docstring"]
    asked = CHECKS - (BRIEF if document.count("\n") < 3 or "----" not in document else set())
    assert not found & asked, [e for e in validate(name)["errors"] if e[0] in asked]


@pytest.mark.parametrize("name", ["causalhyper", *MODULES])
def test_the_examples_of_a_module_run(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0
