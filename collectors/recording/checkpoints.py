"""Whether a checkpoint belongs to the recording that is to go on from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causalhyper.errors import ConfigurationError

LASTING = ("run_id", "every", "loss", "change")
"""Settings that a recording keeps when it goes on from a checkpoint."""


def check_checkpoint(state: object, settings: Mapping[str, Any]) -> None:
    """Refuse to go on from what is no checkpoint, or one of another recording.

    Parameters
    ----------
    state : object
        What was given as ``resume=``.
    settings : mapping
        Those of the recording that is to go on.

    Raises
    ------
    ConfigurationError
        If it does not fit.
    """
    if state is None:
        return
    parts = {"step", "epoch", "settings", "rows", "sums"}
    if not isinstance(state, Mapping) or not parts <= set(state):
        got = sorted(map(str, state)) if isinstance(state, Mapping) else type(state).__name__
        raise ConfigurationError(f"resume must be what Recorder.state_dict returned; got {got}")
    for name in LASTING:
        if state["settings"][name] != settings[name]:
            raise ConfigurationError(
                f"the checkpoint was recorded with {name} {state['settings'][name]!r}, this "
                f"recording has {settings[name]!r}: go on as before, or begin anew"
            )
