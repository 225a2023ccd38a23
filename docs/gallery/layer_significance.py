"""
Which layers matter, and how sure that is
=========================================

Steps follow one another, and their losses are autocorrelated: tests that permute steps find nearly
everything. The test here rotates the loss in time, and asks three questions of each layer.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from causalhyper.frames.trajectory import read_trajectory
from causalhyper.granger.significance.report import diagnose
from collectors.recording import record

images, digits = load_digits(return_X_y=True)
x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)
torch.manual_seed(0)
model = nn.Sequential(
    nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 10)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
folder = Path(tempfile.mkdtemp())
with record(model, optimizer, folder / "run", layers="*.weight") as recorder:
    for order in torch.randperm(20 * 1700).remainder(len(x)).split(85):
        optimizer.zero_grad()
        batch, labels = x[order], y[order]
        loss = recorder.loss(lambda: nn.functional.cross_entropy(model(batch), labels))
        loss.backward()
        optimizer.step()

# %%
# Does the layer go with the loss; is its movement needed beside the other layers'; do coefficients
# of its own tell more than how far it moved?

found = diagnose(read_trajectory(folder / "run"), rng=np.random.default_rng(0), pairs=4, draws=99)
found.plot()

# %%

found
