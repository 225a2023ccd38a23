"""
Through what: mediation
=======================

How much of the effect of batch size goes through sharpness, and how much past it? The total is the
sum of both, and of what is lost when a run is given the sharpness of another one.
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
found = ch.mediate(model, "B", "G", "S", at=[16], baseline=512, draws=400)
found.plot()

# %%
# The total is known well, its parts are not: in these runs gradient noise and sharpness move
# together, and the data cannot tell which of the two carries the effect. The result says so, and
# which share of the simulated runs lies where no run was observed.

print(found.summary())
print(f"beyond the observed runs: {found.extrapolated:.0%}")
