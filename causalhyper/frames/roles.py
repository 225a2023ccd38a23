"""Which column plays which node of a hypergraph."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from causalhyper.errors import ConfigurationError
from causalhyper.frames.role import ROLE_FORM, Role


class UnknownNodeError(ConfigurationError, KeyError):
    """A node without a role was asked for.

    Examples
    --------
    >>> print(UnknownNodeError("no role for the node 'Z'"))
    no role for the node 'Z'
    """

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Roles(Mapping[str, Role]):
    """An ordered map from node to role; no column plays two nodes.

    Parameters
    ----------
    members : tuple of Role
        The roles in order; at least one.

    Raises
    ------
    ConfigurationError
        If there is none, a node has two roles, or a column plays two nodes.

    Examples
    --------
    >>> roles = Roles.parse(["B=log2(batch_size)", "G=test_accuracy"])
    >>> roles["B"].label, roles.columns
    ('log2(batch_size)', ('batch_size', 'test_accuracy'))
    """

    members: tuple[Role, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", tuple(self.members))
        if not self.members:
            raise ConfigurationError(f"no role given; {ROLE_FORM}")
        by_node: dict[str, Role] = {}
        by_column: dict[str, Role] = {}
        for role in self.members:
            if role.node in by_node:
                other = by_node[role.node]
                raise ConfigurationError(
                    f"the node {role.node!r} has two roles, {other} and {role}: keep one"
                )
            if role.column in by_column:
                other = by_column[role.column]
                raise ConfigurationError(
                    f"the column {role.column!r} plays two nodes, {other} and {role}: keep one"
                )
            by_node[role.node] = by_column[role.column] = role

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Roles:
        """Read a list of roles.

        Parameters
        ----------
        texts : iterable of str
            Each as `Role.parse` reads it.

        Returns
        -------
        Roles
            In the same order.

        Raises
        ------
        ConfigurationError
            If a text is not a role, or the roles contradict one another.

        Examples
        --------
        >>> print(Roles.parse(["B=batch_size", "N=log10(grad_noise)"]))
        B=batch_size, N=log10(grad_noise)
        """
        if isinstance(texts, str | Mapping):
            raise ConfigurationError(f"expected a list of roles; got {texts!r}; {ROLE_FORM}")
        return cls(tuple(Role.parse(text) for text in texts))

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, str]) -> Roles:
        """Read roles from a map of node to column, as in a study file.

        Parameters
        ----------
        mapping : mapping of str to str
            Node to ``column`` or ``transform(column)``.

        Returns
        -------
        Roles
            In the same order.

        Raises
        ------
        ConfigurationError
            If an entry is not a role, or the roles contradict one another.

        Examples
        --------
        >>> print(Roles.from_mapping({"B": "batch_size", "N": "log10(grad_noise)"}))
        B=batch_size, N=log10(grad_noise)
        """
        if not isinstance(mapping, Mapping):
            raise ConfigurationError(
                "expected roles as a map of node to column, such as "
                f"{{'N': 'log10(grad_noise)'}}; got {mapping!r}"
            )
        for node, scaled in mapping.items():
            if not isinstance(scaled, str):
                raise ConfigurationError(
                    f"the column of {node} must be a text such as 'grad_noise' or "
                    f"'log10(grad_noise)'; got {scaled!r}: name a column, and give columns names "
                    "of text with frame.rename(columns=str)"
                )
        return cls(tuple(Role.parse(f"{node}={scaled}") for node, scaled in mapping.items()))

    def to_mapping(self) -> dict[str, str]:
        """Return the map of node to column or transform(column), which `from_mapping` reads.

        Returns
        -------
        dict of str to str
            In the same order.

        Examples
        --------
        >>> Roles.parse(["N=log10(grad_noise)"]).to_mapping()
        {'N': 'log10(grad_noise)'}
        """
        return {role.node: role.label for role in self.members}

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes in order."""
        return tuple(role.node for role in self.members)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in the order of their nodes."""
        return tuple(role.column for role in self.members)

    def __getitem__(self, node: str) -> Role:
        for role in self.members:
            if role.node == node:
                return role
        close = difflib.get_close_matches(str(node), self.nodes, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UnknownNodeError(
            f"no role for the node {node!r}; the nodes with a role are "
            f"{', '.join(self.nodes)}{hint}"
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.members)

    def __str__(self) -> str:
        return ", ".join(str(role) for role in self.members)
