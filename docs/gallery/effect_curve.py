"""
The effect of a choice, with intervals
======================================

What does another batch size do to test accuracy, at equal numbers of updates? The runs: a GCN on
Cora, 40 seeds at six batch sizes.
"""

import causalhyper as ch

runs = ch.read_runs("../../case_studies/batch_size/data/runs.parquet")
runs = runs[runs.design == "equal_updates"]
roles = {"B": "log2(batch_size)", "N": "log10(grad_noise)", "S": "log10(sharpness)"}
roles |= {"C": "weight_norm", "G": "test_accuracy"}
model = ch.fit(
    "B -> N; N -> S; {N, S} -> C; C -> G",
    runs,
    roles,
    protocol="equal updates, fixed learning rate",
    cluster="seed",
    context="seed",
)

# %%
# Batch size was assigned, so the means within seeds (*design*) need no hypergraph. The curve of
# the hypergraph stands beside them: where the two part, it is wrong for these runs.

curve = ch.effect_curve(model, "B", "G", at=[16, 32, 64, 128, 256], baseline=512, draws=400)
curve.plot()

# %%
# A result is its own table; the estimands, methods and assumptions are folded below it.

curve
