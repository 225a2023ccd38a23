"""Frames of other libraries."""

from __future__ import annotations

from typing import Any

import pandas as pd


def as_pandas(frame: Any) -> Any:
    """Turn a frame of another library into pandas.

    Parameters
    ----------
    frame : object
        What has a method ``to_pandas``, as a frame of polars, a table of Arrow, or a data set of
        Hugging Face; or anything else.

    Returns
    -------
    object
        A pandas DataFrame, or what came where it has no such method.

    Examples
    --------
    >>> frame = pd.DataFrame({"a": [1]})
    >>> as_pandas(frame) is frame
    True
    """
    if isinstance(frame, pd.DataFrame) or not callable(getattr(frame, "to_pandas", None)):
        return frame
    return frame.to_pandas()
