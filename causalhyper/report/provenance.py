"""Where a report comes from: command, data checksum, seed, versions."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version

PACKAGES = ("causalhyper", "numpy", "scipy", "pandas", "pyarrow", "networkx", "matplotlib")


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is needed to make the same report again.

    Attributes
    ----------
    command : str
        The command, as one would type it.
    data : str
        Name of the runs file.
    sha256 : str
        Checksum of the runs file.
    versions : tuple of (str, str)
        Python and the packages that the numbers depend on.
    """

    command: str
    data: str
    sha256: str
    versions: tuple[tuple[str, str], ...]


def record_provenance(command: str, data: str, sha256: str) -> Provenance:
    """Note command and data with the versions that are running.

    Parameters
    ----------
    command : str
    data : str
    sha256 : str

    Returns
    -------
    Provenance
    """
    packages = tuple((name, version(name)) for name in PACKAGES)
    return Provenance(command, data, sha256, (("python", platform.python_version()), *packages))
