"""Frames to draw."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from causalhyper.figures.layers import Hyperarc

HOSTILE = '<script>alert(1)</script> & "$x_1$" \x00\u202e] --> _{'
PAPERS = "B -> N; N -> S; {N, S} -> C; C -> G"
LABELS = {
    "B": "log2(batch_size)",
    "N": "log10(grad_noise)",
    "S": "log10(sharpness)",
    "C": "weight_norm",
    "G": "test_accuracy",
}


def effects(estimators=("design", "hypergraph"), values=(16, 32, 64, 128, 256)):
    """Effects that grow away from 512, with both kinds of interval."""
    rows = []
    for i, estimator in enumerate(estimators):
        for value in values:
            e, h = 0.01 * np.log2(512 / value) + 0.003 * i, 0.005
            ends = {"lower": e - h, "upper": e + h}
            ends |= {"joint_lower": e - 2 * h, "joint_upper": e + 2 * h}
            rows.append({"estimator": estimator, "value": value, "estimate": e} | ends)
    return pd.DataFrame(rows)


def forest():
    """Nine rows in three groups; the second of each is muted."""
    rows = []
    for i in range(9):
        ends = {"estimate": 0.01 * i - 0.02, "lower": 0.01 * i - 0.03, "upper": 0.01 * i}
        rows.append({"label": f"row {i}", "group": f"group {i // 3}", "muted": i % 3 == 1} | ends)
    return pd.DataFrame(rows)


def hyperarcs(text):
    """Read "B -> N; {N, S} -> C"."""
    parts = [part.split("->") for part in text.split(";")]
    return [
        Hyperarc(f"e{i}", tuple(t.strip() for t in tail.strip(" {}").split(",")), head.strip())
        for i, (tail, head) in enumerate(parts)
    ]


def frames(arcs, labels=None, roles=None):
    """Frames of nodes and arcs for a plot."""
    names = dict.fromkeys(v for arc in arcs for v in (*arc.tail, arc.head))
    labels, roles = labels or {}, roles or {}
    nodes = [
        {"node": v, "label": labels.get(v, ""), "role": roles.get(v, "mediator")} for v in names
    ]
    rows = [{"hyperedge": a.name, "tail": t, "head": a.head} for a in arcs for t in a.tail]
    return pd.DataFrame(nodes), pd.DataFrame(rows, columns=["hyperedge", "tail", "head"])


def papers():
    """The papers' hypergraph."""
    return frames(hyperarcs(PAPERS), LABELS, {"B": "treatment", "G": "outcome"})


@st.composite
def acyclic(draw, max_nodes=8):
    """Draw hyperarcs over up to `max_nodes` nodes, at least one arc."""
    size = draw(st.integers(2, max_nodes))
    order = draw(st.permutations("ABCDEFGH"))[:size]
    arcs = []
    for place, head in enumerate(order[1:], start=1):
        tails = st.lists(st.sampled_from(order[:place]), min_size=1, max_size=4, unique=True)
        for tail in draw(st.lists(tails, min_size=place == 1, max_size=2, unique_by=frozenset)):
            arcs.append(Hyperarc(f"e{len(arcs)}", tuple(tail), head))
    return draw(st.permutations(arcs))
