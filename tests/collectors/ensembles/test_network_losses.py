"""Losses made of a network are those of each member alone, and can be measured."""

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from causalhyper.errors import ConfigurationError
from collectors.curvature import eigenvalues
from collectors.ensembles import train_ensemble
from collectors.ensembles.measures import network_losses, stacked_top_eigenvalue
from collectors.gcn import GCN
from tests.collectors.curvature.samples import classified, draw, entropy
from tests.collectors.graph_samples import small_graph


def mean_entropy(network, x, y):
    return cross_entropy(network(x), y)


def make_normalised():
    layers = nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3)
    return nn.Sequential(*layers).double()


def test_an_ensemble_with_batch_normalisation_has_the_sharpness_of_each_network_alone():
    x, y = classified()
    options = {"batch_size": 8, "updates": 20, "learning_rate": 0.1}
    ensemble = train_ensemble(make_normalised, [0, 1, 2], (x, y), mean_entropy, **options)
    model = make_normalised().eval()
    losses = network_losses(model, mean_entropy, (x, y), fixed=ensemble.buffers)
    found = stacked_top_eigenvalue(losses, ensemble.parameters, seed=0, tolerance=1e-6)
    for k, seed in enumerate(ensemble.seeds):
        model.load_state_dict(ensemble.state(seed))
        wanted = eigenvalues(model, entropy, (x, y), k=1, tolerance=1e-6).values[0]
        assert found.values[k].item() == pytest.approx(wanted, rel=1e-9)


def test_members_have_data_of_their_own_where_told():
    x, y = draw(2, 10, 3), torch.arange(20).view(2, 10) % 3
    model = make_normalised().eval()
    parameters = {k: torch.stack([p, 2 * p]).detach() for k, p in model.named_parameters()}
    found = network_losses(model, mean_entropy, (x, y), own=True)(parameters)
    for k in range(2):
        member = {name: p[k] for name, p in parameters.items()}
        wanted = cross_entropy(functional_call(model, member, (x[k],)), y[k])
        torch.testing.assert_close(found[k], wanted)


def test_graph_networks_are_measured_as_they_are_alone():
    graph = small_graph()
    torch.manual_seed(0)
    models = [GCN(8, 4, 3) for _ in range(3)]
    parameters = {
        name: torch.stack([dict(m.named_parameters())[name] for m in models]).detach()
        for name, _ in models[0].named_parameters()
    }

    def loss(network, x, edges):
        return cross_entropy(network(x, edges), graph.labels)

    losses = network_losses(models[0], loss, (graph.features, graph.edges))
    found = stacked_top_eigenvalue(losses, parameters, seed=0, tolerance=1e-4)
    for k, model in enumerate(models):
        data = (graph.features, graph.edges), graph.labels
        wanted = eigenvalues(model, entropy, data, k=1).values[0]
        assert found.values[k].item() == pytest.approx(wanted, rel=1e-4)
    assert found.converged.all()


def test_a_network_that_cannot_be_vectorised_is_refused():
    class Deciding(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(()))

        def forward(self, x):
            return x * self.weight if self.weight > 0 else x

    losses = network_losses(Deciding(), lambda network, x: network(x).mean(), [torch.ones(2)])
    with pytest.raises(ConfigurationError, match="vectorised over members"):
        losses({"weight": torch.ones(3)})
