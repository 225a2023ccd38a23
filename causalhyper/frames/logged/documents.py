"""JSON documents that loggers write."""

from __future__ import annotations

import json
from pathlib import Path

from causalhyper.errors import ConfigurationError, DataError


def read_json_object(file: Path) -> dict[str, object]:
    """Read a JSON file that holds an object.

    Parameters
    ----------
    file : Path
        The file.

    Returns
    -------
    dict
        Its values by name.

    Raises
    ------
    ConfigurationError
        If it cannot be opened.
    DataError
        If it is not JSON, or no object.
    """
    try:
        found = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot open {str(file)!r}: {error}") from error
    except ValueError as error:
        raise DataError(
            f"{str(file)!r} is not JSON: {error}; if a run was killed while writing it, read an "
            "earlier copy"
        ) from error
    if not isinstance(found, dict):
        raise DataError(f"{str(file)!r} holds no JSON object: name the file that the run wrote")
    return found
