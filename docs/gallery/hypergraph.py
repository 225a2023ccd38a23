"""
Drawing a hypergraph
====================

A hyperedge with several causes is one mechanism: its causes act jointly. Its arcs meet in a
junction before they reach the head, so that ``{N, S} -> C`` looks other than ``N -> C; S -> C``.
"""

import causalhyper as ch

graph = ch.DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
graph.plot(
    treatment="B",
    outcome="G",
    labels={
        "B": "batch size",
        "N": "gradient noise",
        "S": "sharpness",
        "C": "weight norm",
        "G": "test accuracy",
    },
)

# %%
# What is unmeasured can be part of it: ``<->`` is a common cause that nothing was logged of. Here
# it keeps what goes through sharpness from being identified.

hidden = ch.DirectedHypergraph.parse("B -> S; {B, S} -> G; S <-> G")
hidden.plot(treatment="B", outcome="G")

# %%

ch.identify(hidden, "B", "G", mediators="S")
