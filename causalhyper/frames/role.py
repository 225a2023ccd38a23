"""One role: a column that plays a node of a hypergraph, on some scale."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError

Transform = Literal["identity", "log", "log2", "log10"]
_INVERSES: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {"identity": np.copy, "log": np.exp, "log2": np.exp2, "log10": lambda x: 10.0**x}
)
_FUNCTIONS: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {"identity": np.copy, "log": np.log, "log2": np.log2, "log10": np.log10}
)
ROLE_FORM = "expected such as 'N=grad_noise' or 'N=log10(grad_noise)'"
_NODE = re.compile(r"(?:[^\W\d]|_)[\w.]*")
_CALL = re.compile(r"(\w+)\s*\(([^()]*)\)")


@dataclass(frozen=True, slots=True)
class Role:
    """A column that plays a node, and the scale it enters on.

    Parameters
    ----------
    node : str
        A node's name: a letter or underscore, then letters, digits, ``_`` and ``.``.
    column : str
        Name of the column: any text without ``=``, parentheses, line ends or outer blanks.
    transform : str
        "identity", "log", "log2" or "log10".

    Raises
    ------
    ConfigurationError
        If a part is not valid.

    Examples
    --------
    >>> Role("N", "grad_noise", "log10").label
    'log10(grad_noise)'
    """

    node: str
    column: str
    transform: Transform = "identity"

    def __post_init__(self) -> None:
        if not isinstance(self.node, str) or not _NODE.fullmatch(self.node):
            raise ConfigurationError(f"the node name {self.node!r} is not valid; {ROLE_FORM}")
        column = self.column
        if not isinstance(column, str) or not column.strip() or column != column.strip():
            raise ConfigurationError(f"the column name {column!r} is not valid; {ROLE_FORM}")
        if re.search(r"[=()\r\n]", column):
            raise ConfigurationError(
                f"the column name {column!r} has a sign that a role cannot hold (=, parentheses "
                f"or a line end): rename the column; {ROLE_FORM}"
            )
        if self.transform not in _FUNCTIONS:
            raise ConfigurationError(
                f"unknown transform {self.transform!r}; the transforms are "
                f"{', '.join(_FUNCTIONS)}; {ROLE_FORM}"
            )

    @classmethod
    def parse(cls, text: str) -> Role:
        """Read a role.

        Parameters
        ----------
        text : str
            ``node=column`` or ``node=transform(column)``.

        Returns
        -------
        Role
            With ``Role.parse(str(role)) == role`` for every `role`.

        Raises
        ------
        ConfigurationError
            If the text is not of that form; the message shows the form.

        Examples
        --------
        >>> Role.parse("B=log2(batch_size)")
        Role(node='B', column='batch_size', transform='log2')
        """
        if not isinstance(text, str):
            raise ConfigurationError(f"a role must be a text; got {text!r}; {ROLE_FORM}")
        node, equals, scaled = text.partition("=")
        if not equals or not node.strip() or not scaled.strip():
            raise ConfigurationError(f"cannot read the role {text!r}; {ROLE_FORM}")
        return cls._from_scaled(node.strip(), scaled.strip())

    @classmethod
    def _from_scaled(cls, node: str, scaled: str) -> Role:
        """Read the right side of a role."""
        call = _CALL.fullmatch(scaled)
        if call is None:
            return cls(node, scaled)
        return cls(node, call[2].strip(), cast(Transform, call[1]))

    @property
    def label(self) -> str:
        """The transformed column in words, such as "log10(grad_noise)"."""
        return self.column if self.transform == "identity" else f"{self.transform}({self.column})"

    @property
    def is_logarithmic(self) -> bool:
        """Whether the transform needs values above 0."""
        return self.transform != "identity"

    def apply(self, values: ArrayLike) -> Array:
        """Transform the column's values.

        Parameters
        ----------
        values : array_like of float
            Values of the column, in its own unit; any shape.

        Returns
        -------
        ndarray of float
            A new array of the same shape, on the node's scale.

        Raises
        ------
        DataError
            If a logarithm is asked of a value that is not above 0.

        Examples
        --------
        >>> Role.parse("B=log2(batch_size)").apply([32, 64]).tolist()
        [5.0, 6.0]
        """
        array = np.asarray(values, dtype=np.float64)
        if self.is_logarithmic and np.any(array <= 0):
            raise DataError(
                f"{self.label} needs values above 0; got {np.min(array[array <= 0]):g}: "
                f"use {self.node}={self.column} without a logarithm, or correct the values"
            )
        return _FUNCTIONS[self.transform](array)

    def invert(self, values: ArrayLike) -> Array:
        """Take values on the node's scale back to the column's unit.

        Parameters
        ----------
        values : array_like of float
            Any shape.

        Returns
        -------
        ndarray of float
            A new array of the same shape.

        Examples
        --------
        >>> Role.parse("B=log2(batch_size)").invert([5, 6]).tolist()
        [32.0, 64.0]
        """
        return _INVERSES[self.transform](np.asarray(values, dtype=np.float64))

    def __str__(self) -> str:
        return f"{self.node}={self.label}"
