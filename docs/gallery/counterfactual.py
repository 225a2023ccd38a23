"""
What one run would have scored
==============================

The runs that had batch size 16: what would each have scored at 512, with its own noise? The seeds
were trained at 512 too, so the answer can be held against runs that were made.
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
asked = runs[(runs.batch_size == 16) & (runs.seed < 12)]
found = ch.counterfactual(model, {"B": 512}, "G", runs=asked, draws=400)
found.plot()

# %%
# The interval is that of the mechanisms' parameters. It is not where another training would land:
# another batch size makes another path through the weights.

table = found.by_run().set_index("seed")
made = runs[runs.batch_size == 512].set_index("seed").test_accuracy.loc[table.index]
inside = (table.lower <= made) & (made <= table.upper)
table[["factual", "counterfactual", "lower", "upper"]].assign(made=made, inside=inside).round(4)
