"""The rules for the names of nodes, for one hyperedge and for one latent pair."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def is_name(text: object) -> bool:
    """Say whether `text` can name a node.

    Parameters
    ----------
    text : object
        A candidate.

    Returns
    -------
    bool
        True for a letter or underscore followed by letters, digits, ``_`` and ``.``.

    Examples
    --------
    >>> is_name("layer1.noise"), is_name("1N"), is_name("a b")
    (True, False, False)
    """
    if not isinstance(text, str) or not text:
        return False
    first = text[0].isalpha() or text[0] == "_"
    return first and all(sign.isalnum() or sign in "_." for sign in text)


def name_fault(name: object) -> str | None:
    """Say what is wrong with the name of a node.

    Parameters
    ----------
    name : object
        A candidate.

    Returns
    -------
    str or None
        The sentence, or None for a good name.

    Examples
    --------
    >>> name_fault("1N")
    "the name '1N' is not valid: start with a letter or _, then letters, digits, _ and ."
    >>> name_fault("N1") is None
    True
    """
    if is_name(name):
        return None
    return (
        f"the name {name!r} is not valid: start with a letter or _, then letters, digits, _ and ."
    )


def nodes_fault(nodes: Sequence[str]) -> str | None:
    """Say what is wrong with a list of declared nodes.

    Parameters
    ----------
    nodes : sequence of str
        The names.

    Returns
    -------
    str or None
        The first bad or repeated name in a sentence, or None for a good list.

    Examples
    --------
    >>> nodes_fault(["B", "N", "B"])
    "the node 'B' is declared twice: remove one"
    >>> nodes_fault(["B", "N"]) is None
    True
    """
    for place, name in enumerate(nodes):
        if fault := name_fault(name):
            return fault
        if name in nodes[:place]:
            return f"the node {name!r} is declared twice: remove one"
    return None


def hyperedge_fault(tail: Sequence[str], head: str) -> str | None:
    """Say what is wrong with a hyperedge.

    Parameters
    ----------
    tail : sequence of str
        The joint causes.
    head : str
        Their one effect.

    Returns
    -------
    str or None
        The first fault found: an empty tail, a bad name, a cause named twice, or a head that
        is among its own causes. None for a good hyperedge.

    Examples
    --------
    >>> hyperedge_fault(["N", "N"], "C")
    "the tail names 'N' twice: name each cause once"
    >>> hyperedge_fault(["N", "S"], "C") is None
    True
    """
    if not tail:
        return f"the tail of a hyperedge into {head!r} is empty: name at least one cause"
    for name in (*tail, head):
        if fault := name_fault(name):
            return fault
    for place, name in enumerate(tail):
        if name in tail[:place]:
            return f"the tail names {name!r} twice: name each cause once"
    if head in tail:
        return f"the head {head!r} is among its own causes: a node cannot cause itself"
    return None


def latent_fault(pair: Sequence[str]) -> str | None:
    """Say what is wrong with a pair of nodes that share an unmeasured common cause.

    Parameters
    ----------
    pair : sequence of str
        The two names.

    Returns
    -------
    str or None
        The first fault found: not two names, a bad name, or one node named twice. None for a
        good pair.

    Examples
    --------
    >>> latent_fault(["N", "N"])
    "a latent common cause joins two different nodes; got 'N' twice"
    >>> latent_fault(["N", "G"]) is None
    True
    """
    if isinstance(pair, str) or len(pair) != 2:
        return f"a latent common cause joins two nodes, as the pair ('N', 'G'); got {pair!r}"
    for name in pair:
        if fault := name_fault(name):
            return fault
    if pair[0] == pair[1]:
        return f"a latent common cause joins two different nodes; got {pair[0]!r} twice"
    return None


def nearest(name: object, known: Iterable[str]) -> str:
    """Suggest the known name that is most like `name`.

    Parameters
    ----------
    name : object
        What was asked for.
    known : iterable of str
        What there is.

    Returns
    -------
    str
        ``"; did you mean 'x'?"``, or "" where nothing comes close.

    Examples
    --------
    >>> nearest("sharpnes", ["noise", "sharpness"])
    "; did you mean 'sharpness'?"
    >>> nearest("Z", ["noise"])
    ''
    """
    by_folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(str(name).casefold(), list(by_folded), n=1)
    return f"; did you mean {by_folded[found[0]]!r}?" if found else ""
