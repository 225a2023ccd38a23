"""Stacks of small networks, each with data of its own, and the same networks one by one."""

import torch
from torch import nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from tests.collectors.curvature.samples import draw

MEMBERS, EXAMPLES = 4, 24


class Stack:
    """Networks of one architecture with inputs (members, n, ...) and labels (members, n)."""

    def __init__(self, make, x, y, dtype=torch.float64):
        self.models = []
        for seed in range(len(x)):
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                self.models.append(make().to(dtype))
        self.parameters = dict(stack_module_state(self.models)[0])
        self.x, self.y = x.to(dtype), y

    def losses(self, parameters, places=slice(None)):
        """Mean losses of examples at the given places, shape (members,)."""
        x, y = self.x[:, places], self.y[:, places]
        return vmap(lambda p, a, b: cross_entropy(functional_call(self.models[0], p, (a,)), b))(
            parameters, x, y
        )

    def batches(self, size):
        """Losses of the disjoint minibatches of one size."""
        for start in range(0, self.x.shape[1], size):
            places = slice(start, start + size)
            yield lambda p, places=places: self.losses(p, places)

    def alone(self, k):
        """One member: network, inputs, labels."""
        return self.models[k], self.x[k], self.y[k]

    def spoiled(self, k, value=float("nan")):
        """The parameters, with one number of one member replaced."""
        parameters = {name: p.detach().clone() for name, p in self.parameters.items()}
        next(iter(parameters.values()))[k].view(-1)[0] = value
        return parameters


def make_mlp(activation=nn.Tanh):
    return nn.Sequential(nn.Linear(3, 4), activation(), nn.Linear(4, 3))


def make_rectifier():
    return make_mlp(nn.ReLU)


def stack(make=make_mlp, members=MEMBERS, examples=EXAMPLES, dtype=torch.float64):
    """A stack on random inputs of three features and random labels of three classes."""
    x = draw(members, examples, 3, seed=1)
    return Stack(make, x, draw(members, examples, seed=2).mul(10).long().abs() % 3, dtype)
