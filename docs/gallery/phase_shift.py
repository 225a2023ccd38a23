"""
Where accuracy falls
====================

How much of a network can be pruned, and how suddenly accuracy goes: point and width of the fall,
with intervals over seeds. Here networks are pruned once, without training afterwards.
"""

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from torch import nn

from causalhyper.granger.criteria import Evidence, named
from causalhyper.granger.masks import Masks, allocate
from causalhyper.granger.pruning import phase_shift

images, digits = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)


def train(seed):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[:1000]), y[:1000]).backward()
        optimizer.step()
    return model


@torch.no_grad()
def accuracy(model, masks):
    state = dict(model.named_parameters())
    state |= {name: state[name] * torch.from_numpy(kept) for name, kept in masks.kept.items()}
    outputs = torch.func.functional_call(model, state, (x[1000:],))
    return float((outputs.argmax(1) == y[1000:]).double().mean())


# %%
# Two criteria, four seeds, eleven levels.

rows = []
for seed in range(4):
    model = train(seed)
    weights = {n: p.detach().numpy() for n, p in model.named_parameters() if p.ndim > 1}
    whole = Masks.all_kept({name: w.shape for name, w in weights.items()})
    rows.append(("dense", seed, 0.0, accuracy(model, whole)))
    evidence = Evidence(weights, weights, whole, np.random.default_rng(seed))
    for method in ("magnitude", "lamp"):
        scores = named(method).scores(evidence)
        for sparsity in (0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.99, 0.995):
            masks = allocate(scores, sparsity=sparsity).masks
            rows.append((method, seed, sparsity, accuracy(model, masks)))
log = pd.DataFrame(rows, columns=["method", "seed", "sparsity", "test_accuracy"])

# %%

shift = phase_shift(log, floor=0.1, baseline="magnitude")
shift.plot()

# %%
# A sharp fall is no proof of a better subset: the point says how much can be pruned, the width how
# suddenly accuracy goes.

shift
