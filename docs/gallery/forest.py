"""
A forest of effects
===================

The same question in several worlds: batch size 16 against 512, on three graphs and by three kinds
of networks, under each of four protocols.
"""

import pandas as pd

import causalhyper as ch
from causalhyper.figures import plot_forest

graphs = ch.read_runs("../../case_studies/batch_size/data/graphs.parquet")
graphs = graphs[(graphs.arm == "plain") & graphs.batch_size.isin([16, 512])]
protocols = {
    "equal_epochs": "equal epochs",
    "equal_updates": "equal updates",
    "equal_loss": "equal training loss",
    "tuned": "equal epochs, tuned rate",
}

# %%
# One model a world and protocol. ``B -> G`` is all that the design's own contrast needs: the
# difference in means within the same seed.

rows = []
for design, protocol in protocols.items():
    worlds = graphs[graphs.design == design].groupby(["dataset", "model"], observed=True)
    for (dataset, network), part in worlds:
        model = ch.fit(
            "B -> G",
            part,
            {"B": "log2(batch_size)", "G": "test_accuracy"},
            protocol=protocol,
            cluster="seed",
            context="seed",
            mechanisms=ch.LINEAR,
        )
        (e,) = ch.effect_curve(model, "B", "G", at=[16], baseline=512, draws=400).design
        rows.append((protocol, f"{dataset}, {network}", e.estimate, e.lower, e.upper))
effects = pd.DataFrame(rows, columns=["group", "label", "estimate", "lower", "upper"])

# %%
# Any frame with a label, an estimate and an interval makes a forest.

plot_forest(effects, xlabel="effect of batch size 16 against 512 on test accuracy")
