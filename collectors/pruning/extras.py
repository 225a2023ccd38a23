"""Packages that only some of pruning needs."""

from __future__ import annotations

import importlib
from types import ModuleType

from causalhyper.errors import ConfigurationError


def needed(module: str, package: str, purpose: str) -> ModuleType:
    """Import a package of the extra ``pruning``.

    Parameters
    ----------
    module : str
        Name to import.
    package : str
        Name to install.
    purpose : str
        What needs it, as the subject of a sentence.

    Returns
    -------
    module
        The module.

    Raises
    ------
    ConfigurationError
        If it is not installed.

    Examples
    --------
    >>> needed("torch.nn", "torch", "pruning").__name__
    'torch.nn'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigurationError(
            f"{purpose} needs {package}, which is not installed: pip install "
            "'causalhyper[pruning]'"
        ) from error
