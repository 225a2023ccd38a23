"""
Which layers matter, and how sure that is
=========================================

Steps follow one another, and their losses are autocorrelated: tests that permute steps find nearly
everything. Those used here allow for that, and ask two questions of each layer.
"""

import tempfile
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn

from causalhyper.frames.trajectory import read_trajectory
from causalhyper.granger.design import granger_design
from causalhyper.granger.significance.layers import layer_tests, movement_increment
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
# Is the movement of a layer needed to explain the loss changes, beside the movement of the others?

designs = granger_design(read_trajectory(folder / "run"))
tests = layer_tests(designs)
tests.plot()

# %%
# Do coefficients of its own weights predict the loss changes of later steps better than one
# coefficient for the layer, which only says how far it moved?

increment = movement_increment(designs)
increment.plot()

# %%

print(tests.summary())
print()
print(increment.summary())
