"""Libraries that only an export needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from causalhyper.errors import ConfigurationError


def load_library(name: str) -> Any:
    """Import a library that is no dependency of the core.

    Parameters
    ----------
    name : str
        A module, such as ``xgi`` or ``pgmpy.models``.

    Returns
    -------
    module
        The module, untyped.

    Raises
    ------
    ConfigurationError
        If the library is not installed; the message says how to.

    Examples
    --------
    >>> load_library("no_such_library.models")
    Traceback (most recent call last):
    ...
    causalhyper.errors.ConfigurationError: this export needs no_such_library, which is not \
installed: pip install 'causalhyper[interop]'
    """
    package = name.partition(".")[0]
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ConfigurationError(
            f"this export needs {package}, which is not installed: "
            "pip install 'causalhyper[interop]'"
        ) from None
