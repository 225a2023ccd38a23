"""
The loss around a network
=========================

The training loss along two random directions, of which each filter has the norm of the network's
own. Beside the trained network the same one with 90% of its weights pruned: is it flatter, or is
it worse?
"""

import pandas as pd
import torch
from sklearn.datasets import load_digits
from torch import nn

from causalhyper.figures import plot_loss_surfaces
from causalhyper.granger.masks import allocate
from collectors.curvature import loss_surface

images, digits = load_digits(return_X_y=True)
data = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(100):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(data[0]), data[1]).backward()
    optimizer.step()


# %%
# A surface in the kept space: pruned weights stay zero wherever the others go.

losses = nn.CrossEntropyLoss(reduction="none")


def surface(masks=None):
    generator = torch.Generator().manual_seed(1)
    return loss_surface(model, losses, data, masks=masks, points=21, generator=generator)


dense = surface()
weights = {name: p.detach().abs().numpy() for name, p in model.named_parameters() if p.ndim > 1}
masks = allocate(weights, sparsity=0.9).masks
with torch.no_grad():
    for name, kept in masks.kept.items():
        model.get_parameter(name).mul_(torch.from_numpy(kept))
pruned = surface(masks)

# %%
# On one scale, with the training loss in each title: a surface says little without it.

frames = [dense.to_frame(method="dense"), pruned.to_frame(method="90% pruned")]
axes = plot_loss_surfaces(pd.concat(frames), by="method", view="contours")
axes[0].figure
