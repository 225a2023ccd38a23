"""
Along which path
================

Path-specific effects: batch size takes its new value along one path and keeps the baseline's
along all others.
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
paths = ch.path_effects(model, "B", "G", at=[16], baseline=512, draws=400)
paths.plot()

# %%
# What noise and sharpness do jointly belongs to neither path: it is the remainder. Both paths pass
# gradient noise, which would need two values in one run (a recanting witness): the parts rest on
# the model, and on what the two values have to do with each other. The summary names the witness.

print(paths.summary())
