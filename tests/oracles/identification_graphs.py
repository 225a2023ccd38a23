"""The graphs that other programs were asked about: text, treatment, outcome."""

import re
from itertools import pairwise

GRAPHS = {
    "chain": ("B -> N -> S -> C -> G", "B", "G"),
    "poster": ("B -> N -> S -> C -> G; N -> C", "B", "G"),
    "poster, from noise": ("B -> N -> S -> C -> G; N -> C", "N", "G"),
    "poster, from sharpness": ("B -> N -> S -> C -> G; N -> C", "S", "G"),
    "poster, hidden cause of noise and outcome": (
        "B -> N -> S -> C -> G; N -> C; N <-> G",
        "B",
        "G",
    ),
    "poster, hidden cause, from noise": ("B -> N -> S -> C -> G; N -> C; N <-> G", "N", "G"),
    "poster, hidden cause of noise and sharpness": (
        "B -> N -> S -> C -> G; N -> C; N <-> S",
        "N",
        "S",
    ),
    "poster, two hidden causes": ("B -> N -> S -> C -> G; N -> C; S <-> G; N <-> S", "B", "G"),
    "confounder": ("Z -> X -> Y; Z -> Y", "X", "Y"),
    "confounder by two nodes": ("Z -> X -> Y; Z -> W -> Y", "X", "Y"),
    "mediator": ("X -> M -> Y; X -> Y", "X", "Y"),
    "collider": ("X -> Y; X -> D; Y -> D", "X", "Y"),
    "m-bias": ("X -> Y; A -> X; A -> M; B -> M; B -> Y", "X", "Y"),
    "m-bias, latent": ("X -> Y; X <-> M; M <-> Y", "X", "Y"),
    "butterfly": ("X -> Y; A -> X; A -> M; B -> M; B -> Y; M -> X; M -> Y", "X", "Y"),
    "Pearl's figure 3.4": (
        "A -> C; A -> D; B -> D; B -> E; C -> X; D -> X; D -> Y; E -> Y; X -> F -> Y",
        "X",
        "Y",
    ),
    "bow": ("X -> Y; X <-> Y", "X", "Y"),
    "instrument": ("Z -> X -> Y; X <-> Y", "X", "Y"),
    "instrument, its own effect": ("Z -> X -> Y; X <-> Y", "Z", "Y"),
    "front-door": ("X -> Z -> Y; X <-> Y", "X", "Y"),
    "front-door with a cause of mediator and outcome": (
        "X -> Z -> Y; W -> Z; W -> Y; X <-> Y",
        "X",
        "Y",
    ),
    "front-door, broken": ("X -> Z -> Y; X <-> Y; Z <-> Y", "X", "Y"),
    "front-door, two mediators": ("X -> A -> Y; X -> B -> Y; X <-> Y", "X", "Y"),
    "napkin": ("W -> Z -> X -> Y; W <-> X; W <-> Y", "X", "Y"),
    "Verma": ("A -> B -> C -> D; B <-> D", "C", "D"),
    "Verma, from the root": ("A -> B -> C -> D; B <-> D", "A", "D"),
    "hedge of three": ("X -> M -> Y; X <-> M; M <-> Y", "X", "Y"),
    "hidden path around": ("X -> A -> Y; X <-> B; B <-> A; B -> Y", "X", "Y"),
    "district of the outcome": ("X -> Y; W -> Y; W <-> Y; Z -> X; Z <-> W", "X", "Y"),
    "treatment after its instrument": ("Z -> X -> M -> Y; X <-> Y; Z <-> X", "X", "Y"),
    "Shpitser's ladder": ("A -> B -> C -> D -> E; A <-> C; B <-> D; C <-> E", "A", "E"),
    "two treatments' district": ("A -> X -> Y; A -> Y; A <-> Y; B -> A", "X", "Y"),
    "backwards": ("Y -> M -> X; Y <-> X", "X", "Y"),
}


def read(text: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the arcs and the latent pairs of a text of single letters."""
    arcs, latent = [], []
    for piece in text.split(";"):
        names = re.findall(r"[A-Z]", piece)
        (latent if "<->" in piece else arcs).extend(pairwise(names))
    return arcs, latent
