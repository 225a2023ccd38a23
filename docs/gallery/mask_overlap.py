"""
What two masks have in common
=============================

Two masks that prune 90% each both prune 81% by chance. Agreement means something only beside what
independent masks give, and beside what two seeds of one method share.
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from causalhyper.granger.criteria import Evidence, named
from causalhyper.granger.masks import Masks, allocate, compare_masks
from collectors.recording import StepAccumulators, record

images, digits = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)


def train(seed):
    """Train a network, and sum up what each step did to it."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    sums = StepAccumulators()
    with record(model, optimizer, sums, layers="*.weight") as recorder:
        for order in torch.randperm(20 * 1700).remainder(len(x)).split(170):
            optimizer.zero_grad()
            batch, labels = x[order], y[order]
            loss = recorder.loss(lambda: nn.functional.cross_entropy(model(batch), labels))
            loss.backward()
            optimizer.step()
    return model, sums.result()


# %%
# Four criteria rank the weights of the same trained networks; the tenth ranked first is kept.

masks = {method: [] for method in ("magnitude", "movement", "causal", "random")}
for seed in range(3):
    model, sums = train(seed)
    weights = {n: p.detach().numpy() for n, p in model.named_parameters() if p.ndim > 1}
    whole = Masks.all_kept({name: w.shape for name, w in weights.items()})
    evidence = Evidence(weights, weights, whole, np.random.default_rng(seed), sums=sums)
    for method, found in masks.items():
        found.append(allocate(named(method).scores(evidence), sparsity=0.9).masks)

# %%

agreement = compare_masks(masks)
agreement.plot()

# %%

print(agreement.summary())
