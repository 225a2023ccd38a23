"""Small networks with dense matrices as truth: torch.func on a flat parameter vector."""

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, hessian, jacrev
from torch.nn.functional import cross_entropy, mse_loss, scaled_dot_product_attention


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def entropy(outputs, targets):
    return cross_entropy(outputs, targets, reduction="none")


def squares(outputs, targets):
    return mse_loss(outputs, targets, reduction="none").sum(dim=1)


def network(activation=nn.Tanh, seed=0, classes=3):
    """3-4-classes, 31 parameters with three classes, in float64."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 4), activation(), nn.Linear(4, classes)).double()


def classified(n=24, seed=1):
    return draw(n, 3, seed=seed), torch.arange(n) % 3


def convolutional(seed=0, activation=nn.ReLU):
    """Convolution, pooling, dense: 30 + 39 = 69 parameters on images of 6 x 6."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, 3, 3), activation(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 3)
        ).double()


def images(n=20, seed=1):
    return draw(n, 1, 6, 6, seed=seed), torch.arange(n) % 3


class Attention(nn.Module):
    """Two heads of two channels, 3 numbers a token, 3 classes: 36 + 15 = 51 parameters."""

    def __init__(self):
        super().__init__()
        self.project = nn.Linear(3, 12, bias=False)
        self.classify = nn.Linear(4, 3)

    def forward(self, tokens):
        n, length, _ = tokens.shape
        heads = self.project(tokens).view(n, length, 3, 2, 2).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(*heads)
        return self.classify(mixed.transpose(1, 2).reshape(n, length, 4).mean(dim=1))


def attention(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Attention().double()


def differences_of_gradients(model, loss, inputs, targets, width=1e-5):
    """The Hessian from gradients at two points a parameter."""
    point, _, value = flat_loss(model, loss, inputs, targets)
    gradient = torch.func.grad(value)
    unit = width * torch.eye(len(point), dtype=point.dtype)
    rows = [(gradient(point + u) - gradient(point - u)) / (2 * width) for u in unit]
    return torch.stack(rows)


def flat_loss(model, loss, inputs, targets):
    """The mean loss as a function of all parameters in one vector, and that vector."""
    named = dict(model.named_parameters())
    sizes = [p.numel() for p in named.values()]

    def unflatten(flat):
        parts = flat.split(sizes)
        return {k: q.view_as(p) for (k, p), q in zip(named.items(), parts, strict=True)}

    def outputs(flat):
        return functional_call(model, unflatten(flat), (inputs,))

    point = torch.cat([p.detach().reshape(-1) for p in named.values()])
    return point, outputs, lambda flat: loss(outputs(flat), targets).mean()


def dense_hessian(model, loss, inputs, targets):
    point, _, value = flat_loss(model, loss, inputs, targets)
    return hessian(value)(point)


def dense_gauss_newton(model, loss, inputs, targets):
    """J' H_L J from explicit matrices."""
    point, outputs, _ = flat_loss(model, loss, inputs, targets)
    z = outputs(point).detach()
    J = jacrev(lambda flat: outputs(flat).reshape(-1))(point)
    H = hessian(lambda flat: loss(flat.view_as(z), targets).mean())(z.reshape(-1))
    return J.T @ H @ J


def spectrum(matrix):
    """Eigenvalues, largest first, by numpy."""
    return np.linalg.eigvalsh(matrix.numpy())[::-1]


def matrix(values, seed=3):
    """A symmetric matrix with the given eigenvalues and random eigenvectors."""
    Q, _ = torch.linalg.qr(draw(len(values), len(values), seed=seed))
    return Q @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ Q.T
