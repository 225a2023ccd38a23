"""Contrast of two colours, as WCAG 2.2 defines it."""

from __future__ import annotations

import re

from matplotlib.colors import to_rgba

Colour = tuple[float, float, float, float]


def read_colour(text: str) -> Colour:
    """Red, green, blue and opacity in [0, 1] of a colour as style sheets or browsers write it."""
    found = re.fullmatch(r"rgba?\(([^)]*)\)", text)
    if not found:
        return to_rgba(text)
    r, g, b, *opacity = (float(part) for part in re.split(r"[,\s/]+", found[1].strip()))
    return r / 255, g / 255, b / 255, opacity[0] if opacity else 1.0


def over(front: Colour, ground: Colour) -> Colour:
    """What a colour shows on an opaque ground."""
    r, g, b = (
        front[3] * f + (1 - front[3]) * s for f, s in zip(front[:3], ground[:3], strict=True)
    )
    return r, g, b, 1.0


def luminance(colour: Colour) -> float:
    """Relative luminance: 0 of black, 1 of white."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3])
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(front: Colour, ground: Colour) -> float:
    """From 1, no contrast, to 21, black on white."""
    light, dark = sorted((luminance(over(front, ground)), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
