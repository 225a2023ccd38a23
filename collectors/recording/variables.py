"""A closure with the variables that it has now, for a call when they may have moved on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import CellType, CodeType, FunctionType
from typing import Any


def with_present_variables(closure: Callable[[], Any]) -> Callable[[], Any]:
    """Return a closure that keeps reading the variables as they are at this moment.

    A function reads its free and global variables when it is called: ``lambda: loss(model(x), y)``
    in a loop over accumulated minibatches would see the last of them after the step, whatever
    minibatch it was written for. What variables refer to is kept, not copied: attributes, entries
    of containers and values that are changed in place are those of the time of the call.

    Parameters
    ----------
    closure : callable
        A function or `functools.partial`; of functions of the same module that it calls the
        variables are kept too. Other callables, and functions of torch, are returned as they are.

    Returns
    -------
    callable
        With the same code.

    Examples
    --------
    >>> kept = [with_present_variables(lambda: each) for each in "ab"]
    >>> [read() for read in kept]
    ['a', 'b']
    """
    if isinstance(closure, functools.partial):
        inner = with_present_variables(closure.func)
        return functools.partial(inner, *closure.args, **closure.keywords)
    if not isinstance(closure, FunctionType):
        return closure
    if str(closure.__globals__.get("__name__")).split(".")[0] == "torch":
        return closure
    return _Variables(closure.__globals__).kept(closure)


class _Variables:
    """The variables of the functions of one module, kept once each."""

    def __init__(self, module: dict[str, Any]) -> None:
        self._module = module
        self._globals = {k: v for k, v in module.items() if k.startswith("__")}
        self._cells: dict[int, CellType] = {}
        self._functions: dict[FunctionType, FunctionType] = {}

    def kept(self, value: Any) -> Any:
        """Return a function of the module with its variables, anything else as it is."""
        if not isinstance(value, FunctionType) or value.__globals__ is not self._module:
            return value
        if value in self._functions:
            return self._functions[value]
        cells = tuple(self._cell(cell) for cell in value.__closure__ or ())
        code = value.__code__
        function = FunctionType(code, self._globals, value.__name__, value.__defaults__, cells)
        function.__kwdefaults__ = value.__kwdefaults__
        function.__dict__.update(value.__dict__)
        self._functions[value] = function
        for cell in cells:
            with suppress(ValueError):
                cell.cell_contents = self.kept(cell.cell_contents)
        for name in _names(code):
            if name in self._module and name not in self._globals:
                self._globals[name] = self._module[name]
                self._globals[name] = self.kept(self._module[name])
        return function

    def _cell(self, cell: CellType) -> CellType:
        """Return the cell that stands for one of a closure, the same for all that share it."""
        if id(cell) not in self._cells:
            self._cells[id(cell)] = new = CellType()
            # a variable that is not yet assigned leaves its cell empty
            with suppress(ValueError):
                new.cell_contents = cell.cell_contents
        return self._cells[id(cell)]


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names that a function and those within it may read from the module."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
