"""
What an unmeasured cause could do
=================================

Mediators were not assigned. How strong would an unmeasured cause of weight norm and accuracy have
to be for the effect through the hypergraph to vanish?
"""

import causalhyper as ch
from causalhyper.queries.robustness import correlated_errors, partial_r2_sensitivity

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
# One arc: contours of its slope, adjusted for a cause that explains given shares of what is left
# of both ends.

arc = partial_r2_sensitivity(model, "B", "G", arcs=[("C", "G")], draws=400).arcs[0]
arc.plot()

# %%
# The whole effect: as if the errors of the two mechanisms had correlation rho.

rho = correlated_errors(model, "B", "G", at=[16], baseline=512, pairs=[("C", "G")], draws=200)
rho.plot()

# %%

print(rho.findings[0].reading)
