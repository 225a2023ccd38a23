"""
A Granger lasso along its penalties
===================================

Which weights' movements go with the change of the loss? The lasso of the loss change of each step
on the squared changes of a layer's weights, exactly, at every penalty.
"""

import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn

from causalhyper.frames.trajectory import read_trajectory
from causalhyper.granger.design import granger_design
from causalhyper.granger.lasso import lasso_path
from collectors.recording import record

images, digits = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)

# %%
# Two lines record a training: what each step changed, and what that did to the minibatch's loss.

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
folder = Path(tempfile.mkdtemp())
with record(model, optimizer, folder / "run", layers="*.weight") as recorder:
    for order in torch.randperm(20 * 1700).remainder(len(x)).split(85):
        optimizer.zero_grad()
        batch, labels = x[order], y[order]
        loss = recorder.loss(lambda: nn.functional.cross_entropy(model(batch), labels))
        loss.backward()
        optimizer.step()

# %%
# A line a weight, from the largest penalty on. Every point is certified by its duality gap.

design = granger_design(read_trajectory(folder / "run"))["0.weight"]
path = lasso_path(design.columns, design.y, lambdas=60, ratio=0.1)
path.plot()

# %%
# For plain SGD the loss change is nearly minus the learning rate times the squared gradient: the
# coefficients are negative, and say how far a weight moves rather than what it does. A lasso also
# keeps at most one weight a step.

print(path.summary())
