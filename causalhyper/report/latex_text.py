"""Text as LaTeX prints it, whatever signs it holds."""

from __future__ import annotations

import re
import unicodedata

from causalhyper.figures.text import as_text, wrap

_LONG, _PIECE = 16, 12
"""Signs from which on a word may be broken, and of its pieces."""
_OWN = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # behind \\ it would begin an option
    "]": "{]}",
    "*": "{*}",
}
"""Signs that LaTeX, or a package that is often loaded, reads as its own."""
_MATHS = {
    "−": "-", "×": r"\times", "·": r"\cdot", "±": r"\pm", "≤": r"\leq", "≥": r"\geq",
    "≠": r"\neq", "≈": r"\approx", "≪": r"\ll", "≫": r"\gg", "∝": r"\propto", "∞": r"\infty",
    "→": r"\to", "←": r"\leftarrow", "↔": r"\leftrightarrow", "⇒": r"\Rightarrow",
    "∈": r"\in", "∉": r"\notin", "∅": r"\emptyset", "∩": r"\cap", "∪": r"\cup",
    "⊥": r"\perp", "⟂": r"\perp", "⫫": r"\perp\!\!\!\perp", "∥": r"\|", "‖": r"\|",
    "∇": r"\nabla", "∂": r"\partial", "∑": r"\sum", "∏": r"\prod", "√": r"\surd", "✓": r"\surd",
    "✗": r"\times", "ℓ": r"\ell", "°": r"^{\circ}", "«": r"\ll", "»": r"\gg", "µ": r"\mu",
    "′": r"^{\prime}", "″": r"^{\prime\prime}", "∧": r"\wedge", "∨": r"\vee", "¬": r"\neg",
    "⊂": r"\subset", "⊆": r"\subseteq", "∖": r"\setminus", "≡": r"\equiv", "∼": r"\sim",
    "ᵀ": r"^{\mathrm{T}}", "⁻": "^{-}",
}  # fmt: skip
_GREEK = (
    "αalpha βbeta γgamma δdelta εvarepsilon ϵepsilon ζzeta ηeta θtheta ιiota κkappa λlambda μmu "
    "νnu ξxi πpi ρrho σsigma ςvarsigma τtau υupsilon φvarphi ϕphi χchi ψpsi ωomega ΓGamma ΔDelta "
    "ΘTheta ΛLambda ΞXi ΠPi ΣSigma ΥUpsilon ΦPhi ΨPsi ΩOmega"
)
_TEXT = {
    "–": "--", "—": "---", "…": r"\ldots{}", "‘": "`", "’": "'", "“": "``", "”": "''",
    "\N{NO-BREAK SPACE}": "~", "\N{THIN SPACE}": r"\,", "\N{NARROW NO-BREAK SPACE}": r"\,",
    "ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}",
    "Œ": r"\OE{}", "ł": r"\l{}", "Ł": r"\L{}",
}  # fmt: skip
_ACCENTS = dict(zip("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308", "`'^~=u.\"", strict=True))
_ACCENTS |= {"\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c"}
_SIGNS = (
    _OWN
    | _TEXT
    | {sign: f"${name}$" for sign, name in _MATHS.items()}
    | {word[0]: f"$\\{word[1:]}$" for word in _GREEK.split()}
    | {sign: f"$^{{{i}}}$" for i, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
    | {sign: f"$_{{{i}}}$" for i, sign in enumerate("₀₁₂₃₄₅₆₇₈₉")}
)


def latex_text(text: object) -> str:
    r"""Write a text so that LaTeX prints it and reads none of it as a command.

    Parameters
    ----------
    text : object
        Usually a label from a frame.

    Returns
    -------
    str
        Printable ASCII for the text mode of any engine, without a package. A sign that has no
        command stands as its code point, such as ``U+65E5``. Long words may be broken.

    Examples
    --------
    >>> latex_text("grad_noise & 5% of R²")
    'grad\\_noise \\& 5\\% of R$^{2}$'
    >>> latex_text(r"\input{x} −0.5")
    '\\textbackslash{}input\\{x\\} $-$0.5'
    """
    return " ".join(_word(word) for word in re.split(" ", _normal(text)))


def _normal(text: object) -> str:
    """One line, accents joined to their letters; a no-break space is no place to split."""
    parts = str(text).split("\N{NO-BREAK SPACE}")
    return unicodedata.normalize("NFC", "\N{NO-BREAK SPACE}".join(map(as_text, parts)))


def _word(word: str) -> str:
    pieces = [word] if len(word) <= _LONG else wrap(word, _PIECE, len(word))
    return r"\allowbreak{}".join(_piece(piece) for piece in pieces)


def _piece(piece: str) -> str:
    # doubled signs are ligatures: "--" would print as a dash, "''" as a quotation mark
    split = re.sub(r"([-',])(?=\1)", "\\1\0", piece)
    return "".join("{}" if sign == "\0" else _sign(sign) for sign in split)


def _sign(sign: str) -> str:
    if sign in _SIGNS:
        return _SIGNS[sign]
    if sign.isascii():
        return sign
    letter, *accents = list(unicodedata.normalize("NFD", sign))
    if len(accents) == 1 and accents[0] in _ACCENTS and letter.isascii():
        return f"\\{_ACCENTS[accents[0]]}{{{letter}}}"
    plain = unicodedata.normalize("NFKD", sign).replace("\N{FRACTION SLASH}", "/")
    if plain.isascii():
        return "".join(_SIGNS.get(s, s) for s in plain)
    return f"\\texttt{{U+{ord(sign):04X}}}\\allowbreak{{}}"
