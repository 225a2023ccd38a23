"""Small networks in float64, their data, and the slow loop that is the tests' truth."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

DOUBLE = torch.float64
cross_entropy = nn.CrossEntropyLoss(reduction="none")


class Tokens(nn.Module):
    """Embedding, layer norm and a head tied to the embedding."""

    def __init__(self, tied):
        super().__init__()
        self.table = nn.Embedding(7, 4, padding_idx=0)
        self.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 7)
        if tied:
            self.head.weight = self.table.weight

    def forward(self, ids):
        return self.head(torch.tanh(self.norm(self.table(ids)))).mean(1)


class Twice(nn.Module):
    """One linear layer called twice."""

    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(torch.tanh(self.layer(torch.tanh(self.layer(x)))))


class Hidden(nn.Module):
    """A layer's weight used again behind the layer's back, and a bare parameter."""

    def __init__(self):
        super().__init__()
        self.layer, self.shift = nn.Linear(4, 4), nn.Parameter(torch.ones(4))
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        h = torch.tanh(self.layer(x) + self.shift)
        return self.head(functional.linear(h, self.layer.weight))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        h = functional.relu(self.norm(self.first(x)), inplace=True)
        return self.head((h + self.second(h)).mean((2, 3)))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRUCell(2, 3), nn.Linear(3, 3)

    def forward(self, x):
        h = x.new_zeros(len(x), 3)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
        return self.head(h)


class Branching(nn.Module):
    """Control flow by values, which vmap cannot follow, around a layer without a rule."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Bilinear(4, 4, 3)

    def forward(self, x):
        return self.layer(x, -x if x.sum().item() > 0 else x)


class TimeFirst(nn.Module):
    """Examples stand on the second axis inside, and as many as places in time."""

    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(2, 5), nn.Linear(5, 3)

    def forward(self, x):
        return self.head(torch.tanh(self.layer(x.transpose(0, 1))).mean(0))


def chain(*layers):
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(3))


def conv2d(*args, **options):
    return lambda: chain(nn.Conv2d(*args, **options), nn.Tanh())


def conv1d(*args, **options):
    return lambda: chain(nn.Conv1d(*args, **options), nn.Tanh())


IMAGE, SERIES, ROW = (2, 6, 6), (2, 9), (4,)
RULED = {
    "mlp": (lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3, bias=False)), ROW),
    "places": (lambda: chain(nn.Linear(9, 4), nn.Tanh()), SERIES),
    "many places": (lambda: chain(nn.Linear(2, 2), nn.Tanh()), (9, 2)),
    "conv2d": (conv2d(2, 3, 3), IMAGE),
    "stride": (conv2d(2, 3, 3, stride=2, padding=1), IMAGE),
    "dilation": (conv2d(2, 3, (3, 2), dilation=(2, 1), padding=(2, 0)), IMAGE),
    "groups": (conv2d(2, 4, 3, groups=2, bias=False), IMAGE),
    "same": (conv2d(2, 3, 4, padding="same"), IMAGE),
    "circular": (conv2d(2, 3, 3, padding=1, padding_mode="circular"), IMAGE),
    "reflect": (conv2d(2, 3, 3, padding=(1, 2), padding_mode="reflect"), IMAGE),
    "wide image": (conv2d(1, 3, 3, padding=1, stride=(1, 2)), (1, 9, 16)),
    "wide groups": (conv2d(2, 4, 3, padding=2, dilation=2, groups=2), (2, 9, 9)),
    "few places": (conv2d(8, 9, 3), (8, 4, 4)),
    "conv1d": (conv1d(2, 4, 3, stride=2, padding=1, dilation=2, groups=2), SERIES),
    "long series": (conv1d(2, 4, 3, padding="same", groups=2), (2, 70)),
    "group norm": (
        lambda: chain(nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), nn.Tanh(), nn.LayerNorm((4, 4))),
        IMAGE,
    ),
    "layer norm without bias": (lambda: chain(nn.LayerNorm(9, bias=False), nn.Tanh()), SERIES),
    "batch norm": (
        lambda: nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3)),
        ROW,
    ),
    "residual": (Residual, IMAGE),
    "twice": (Twice, ROW),
    "tokens": (lambda: Tokens(tied=False), "tokens"),
    "tied tokens": (lambda: Tokens(tied=True), "tokens"),
}
OTHER = {
    "hidden use": (Hidden, ROW),
    "recurrent": (Recurrent, (5, 2)),
    "weight norm": (
        lambda: chain(nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)), nn.Tanh()),
        ROW,
    ),
    "examples second": (TimeFirst, (6, 2)),
    "attention": (
        lambda: nn.Sequential(
            nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), nn.Flatten(), nn.LazyLinear(3)
        ),
        (5, 4),
    ),
    "branching": (Branching, ROW),
}


def make(name, n=6, seed=0, dtype=DOUBLE):
    """A network in eval mode with settled buffers, inputs and targets."""
    build, shape = (RULED | OTHER)[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if shape == "tokens":
            x, y = torch.randint(7, (n, 5)), torch.randint(7, (n,))
        else:
            x, y = torch.randn(n, *shape, dtype=dtype), torch.randint(3, (n,))
        model = build().to(dtype)
        model(x)  # lazy layers; batch norm's running means
    return model.eval(), x, y


def gradients_one_by_one(model, loss, x, y):
    """Gradients of examples alone, a row each, by parameter name."""
    rows = {name: [] for name, p in model.named_parameters() if p.requires_grad}
    for i in range(len(x)):
        value = loss(model(x[i : i + 1]), y[i : i + 1]).sum()
        found = torch.autograd.grad(value, [dict(model.named_parameters())[k] for k in rows])
        for k, g in zip(rows, found, strict=True):
            rows[k].append(g.numpy().ravel())
    return {k: np.array(r) for k, r in rows.items()}
