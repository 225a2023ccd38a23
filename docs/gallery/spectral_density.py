"""
The spectrum of a Hessian
=========================

Where the eigenvalues of a network's Hessian lie, by stochastic Lanczos quadrature: products with
the Hessian alone, never the matrix.
"""

import torch
from sklearn.datasets import load_digits
from torch import nn

from collectors.curvature import eigenvalues, spectral_density

images, digits = load_digits(return_X_y=True)
data = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)
torch.manual_seed(0)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(60):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(data[0]), data[1]).backward()
    optimizer.step()

# %%
# On a logarithmic scale: nearly all eigenvalues are close to zero, and a few stand apart.

losses = nn.CrossEntropyLoss(reduction="none")
density = spectral_density(model, losses, data, generator=torch.Generator().manual_seed(0))
density.plot()

# %%
# The outermost are found one by one, each with the residual that certifies it.

eigenvalues(model, losses, data, k=5, which="both", generator=torch.Generator().manual_seed(0))
