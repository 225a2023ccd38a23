"""Stacked graph networks: each member is what torch_geometric computes for it alone."""

import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.nn import GATConv, GCNConv

from collectors.ensembles.graphs import GraphAttention, GraphConvolution, Neighbourhoods
from tests.collectors.graph_samples import small_graph

GRAPH = small_graph(60, unlabelled=4)
NETWORKS = {
    "convolution": GraphConvolution(8, 5, 3),
    "attention": GraphAttention(8, 2, 4, 3),
}


class Alone(nn.Module):
    """One member, made of torch_geometric's layers."""

    def __init__(self, network, named):
        super().__init__()
        attention = isinstance(network, GraphAttention)
        self.active = nn.functional.elu if attention else torch.relu
        if attention:
            self.first, self.second = GATConv(8, 4, heads=2), GATConv(8, 3, heads=1)
        else:
            self.first, self.second = GCNConv(8, 5), GCNConv(5, 3)
        for name, layer in (("first", self.first), ("second", self.second)):
            layer.lin.weight.data = named[f"{name}.weight"].T.clone()
            layer.bias.data = named[f"{name}.bias"].clone()
            if attention:
                layer.att_src.data = named[f"{name}.source"][None].clone()
                layer.att_dst.data = named[f"{name}.target"][None].clone()

    def forward(self):
        x = self.active(self.first(GRAPH.features, GRAPH.edges))
        return self.second(x, GRAPH.edges)

    def gradients(self, loss, *, create_graph=False):
        """Gradients by the stacked network's names and layout."""
        parameters = dict(self.named_parameters())
        found = torch.autograd.grad(loss, tuple(parameters.values()), create_graph=create_graph)
        turned = {}
        for name, gradient in zip(parameters, found, strict=True):
            for own, stacked in (
                ("lin.weight", "weight"),
                ("att_src", "source"),
                ("att_dst", "target"),
            ):
                name = name.replace(own, stacked)
            turned[name] = gradient.T if name.endswith("weight") else gradient.squeeze(0)
        return turned


def drawn(network, blocks, members):
    """Parameters of all members, biases other than zero."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.stack(
            [
                torch.stack([member[name] for member in row])
                for row in [
                    [
                        {
                            k: v + 0.1 * torch.randn(v.shape, generator=generator)
                            for k, v in network.initial(generator).items()
                        }
                        for _ in range(members)
                    ]
                    for _ in range(blocks)
                ]
            ]
        )
        for name in network.shapes
    }


@pytest.mark.parametrize("kind", NETWORKS)
def test_logits_gradients_and_hessian_products_are_those_of_torch_geometric(kind):
    network = NETWORKS[kind]
    rng = np.random.default_rng(0)
    outputs = [rng.permutation(60)[:size] for size in (20, 7)]  # the second block is filled up
    stacked = {name: p.requires_grad_() for name, p in drawn(network, 2, 3).items()}
    logits = network.logits(stacked, network.field(Neighbourhoods.of(GRAPH), outputs))
    assert logits.shape == (2, 3, 20, 3)
    loss = logits[0].square().sum() + logits[1, :, :7].square().sum()
    leaves = tuple(stacked.values())
    gradients = torch.autograd.grad(loss, leaves, create_graph=True)
    products = torch.autograd.grad(sum(g.square().sum() for g in gradients) / 2, leaves)
    for block, nodes in enumerate(outputs):
        for member in range(3):
            alone = Alone(network, {k: p[block, member].detach() for k, p in stacked.items()})
            wanted = alone()[torch.as_tensor(nodes)]
            torch.testing.assert_close(
                logits[block, member, : len(nodes)], wanted, atol=1e-5, rtol=1e-5
            )
            first = alone.gradients(wanted.square().sum(), create_graph=True)
            second = alone.gradients(sum(g.square().sum() for g in first.values()) / 2)
            for name, gradient, product in zip(stacked, gradients, products, strict=True):
                size = float(first[name].detach().abs().max())
                torch.testing.assert_close(
                    gradient[block, member], first[name], atol=1e-5 * max(size, 1), rtol=1e-4
                )
                size = float(second[name].abs().max())
                torch.testing.assert_close(
                    product[block, member], second[name], atol=1e-5 * max(size, 1), rtol=1e-4
                )


def test_a_diverged_member_leaves_the_others_as_they_are():
    network = NETWORKS["attention"]
    field = network.field(Neighbourhoods.of(GRAPH), [np.arange(10), np.arange(10, 20)])
    sound = drawn(network, 2, 3)
    spoilt = {name: p.clone() for name, p in sound.items()}
    spoilt["first.weight"][0, 1] = torch.nan
    wanted, found = network.logits(sound, field), network.logits(spoilt, field)
    assert found[0, 1].isnan().all()
    assert torch.equal(found[:, [0, 2]], wanted[:, [0, 2]])
    assert torch.equal(found[1], wanted[1])


def test_loops_and_repeated_arcs_count_once():
    edges = torch.tensor([[0, 1, 0, 1, 2], [1, 0, 1, 0, 2]])
    graph = type(GRAPH)("loops", torch.eye(3), edges, torch.arange(3))
    pattern = Neighbourhoods.of(graph).pattern.toarray()
    assert pattern.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_initial_weights_fill_glorots_interval_and_biases_are_zero():
    drawn_once = GraphConvolution(300, 100, 3).initial(torch.Generator().manual_seed(1))
    largest = drawn_once["first.weight"].abs().max().item()
    assert (6 / 400) ** 0.5 * 0.999 < largest <= (6 / 400) ** 0.5
    assert not drawn_once["first.bias"].any()
