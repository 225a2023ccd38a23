"""
Which value to use next
=======================

The batch size with the best accuracy at equal epochs, and all that cannot be told apart from it.
"""

import causalhyper as ch

runs = ch.read_runs("../../case_studies/batch_size/data/runs.parquet")
runs = runs[runs.design == "equal_epochs"]
model = ch.fit(
    "B -> G",
    runs,
    {"B": "log2(batch_size)", "G": "test_accuracy"},
    protocol="equal epochs, fixed learning rate",
    cluster="seed",
    context="seed",
)
sizes = [16, 32, 64, 128, 256, 512]
best = ch.policy(model, "B", "G", at=sizes, estimator="design", draws=400)
best.plot()

# %%
# Updates cost time. With a price in units of accuracy the answer is another one; the price is the
# user's to say.

priced = ch.policy(
    model, "B", "G", at=sizes, estimator="design", draws=400, cost={"updates": 2e-6}, runs=runs
)
priced.plot()

# %%

columns = ["value", "outcome", "cost", "utility", "may_be_best", "probability_best"]
priced.table()[columns].round(4)
