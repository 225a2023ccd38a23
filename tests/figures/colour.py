"""Colours as people with other colour vision see them, and how far apart they are."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_rgb

VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
"""On linear RGB: Machado, Oliveira and Fernandes 2009, "A physiologically-based model for
simulation of color vision deficiency", severity 1."""
_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
"""Of sRGB, under daylight D65 (IEC 61966-2-1)."""


def linear(colour: object) -> np.ndarray:
    """Linear RGB of a colour."""
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def seen(colour: object, vision: str = "normal") -> np.ndarray:
    """CIELAB of a colour with a kind of colour vision."""
    rgb = np.clip(VISION[vision] @ linear(colour), 0, 1)
    t = _XYZ @ rgb / _XYZ.sum(axis=1)
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: object, other: object) -> float:
    """Ratio of luminances (WCAG 2.1)."""
    low, high = sorted(float(_XYZ[1] @ linear(c)) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """CIEDE2000 between two CIELAB colours (Sharma, Wu and Dalal 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean**7 / (mean**7 + 25.0**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    far = abs(h1 - h2) > 180
    h = h1 + h2 if not c1 * c2 else (h1 + h2 + (360 if h1 + h2 < 360 else -360) * far) / 2
    c, light = (c1 + c2) / 2, (l1 + l2) / 2
    turns = ((1, -30, -0.17), (2, 0, 0.24), (3, 6, 0.32), (4, -63, -0.20))
    t = 1 + sum(w * np.cos(np.radians(k * h + o)) for k, o, w in turns)
    s_l = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    s_c, s_h = 1 + 0.045 * c, 1 + 0.015 * c * t
    bend = 60 * np.exp(-(((h - 275) / 25) ** 2))
    r = -2 * np.sqrt(c**7 / (c**7 + 25.0**7)) * np.sin(np.radians(bend))
    d = (l2 - l1) / s_l, (c2 - c1) / s_c
    d_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / s_h
    return float(np.sqrt(d[0] ** 2 + d[1] ** 2 + d_h**2 + r * d[1] * d_h))


def apart(one: object, other: object) -> float:
    """The least distance of two colours with any kind of colour vision."""
    return min(distance(seen(one, v), seen(other, v)) for v in VISION)
