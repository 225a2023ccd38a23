"""Claims about designs of recorded trainings: Taylor's theorem, and sums kept on the device."""

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.granger.design import granger_design, loss_changes
from causalhyper.granger.lasso import lasso_path
from collectors.recording import StepAccumulators, record
from tests.granger.design.samples import matrix


def linear_training(folder, *, momentum=0.0, schedule=False, seed=0, steps=40, **options):
    """Train a model whose loss is linear in its parameters; gradients vary by minibatch."""
    torch.manual_seed(seed)
    model = nn.Linear(3, 2, bias=False).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.25, momentum=momentum)
    with record(model, optimizer, folder, dtype="float64", **options) as recorder:
        for step in range(steps):
            if schedule:
                optimizer.param_groups[0]["lr"] = 0.25 / (1 + step % 5)
            inputs = torch.randn(8, 3, dtype=torch.float64)
            signs = torch.randn(8, 2, dtype=torch.float64)
            optimizer.zero_grad()
            loss = recorder.loss(lambda x=inputs, s=signs: (model(x) * s).sum(dim=1))
            loss.backward()
            optimizer.step()
    return folder


def last_fit(design):
    """Coefficients of the lasso near its end, where the penalty hardly matters."""
    path = lasso_path(design.columns, design.y, lambdas=60, ratio=1e-9, tolerance=1e-9)
    return path.dense(len(path) - 1)


def test_plain_sgd_has_minus_one_over_the_rate_for_every_parameter(tmp_path):
    design = granger_design(linear_training(tmp_path / "run"))["weight"]
    np.testing.assert_allclose(last_fit(design), np.full(6, -4.0), rtol=1e-6)


def test_divided_by_a_rate_that_changes_it_has_minus_one(tmp_path):
    folder = linear_training(tmp_path / "run", schedule=True)
    design = granger_design(folder, scaling="learning_rate")["weight"]
    np.testing.assert_allclose(last_fit(design), np.full(6, -1.0), rtol=1e-6)


def test_neurons_have_minus_one_over_the_rate(tmp_path):
    design = granger_design(linear_training(tmp_path / "run"), share="output")["weight"]
    np.testing.assert_allclose(last_fit(design), [-4.0, -4.0], rtol=1e-6)


def test_momentum_has_its_three_coefficients(tmp_path):
    folder = linear_training(tmp_path / "run", momentum=0.5, steps=60)
    design = granger_design(folder, features="momentum")["weight"]
    # the gradient is -(change - momentum * change before) / rate, and y is gradient times change
    np.testing.assert_allclose(last_fit(design), np.tile([-4.0, 0.0, 2.0], 6), atol=1e-5)


def test_nothing_is_left_of_a_linear_loss_beside_its_first_order(tmp_path):
    folder = linear_training(tmp_path / "run")
    from causalhyper.frames.trajectory import read_trajectory

    run = read_trajectory(folder)
    left = loss_changes(run, "residual")
    assert np.abs(left).max() < 1e-12 * np.abs(loss_changes(run)).max()


def test_repeated_trainings_with_an_intercept_each_have_the_coefficients_of_one(tmp_path):
    folders = [linear_training(tmp_path / str(seed), seed=seed) for seed in (1, 2)]
    design = granger_design(folders, centre=True)["weight"]
    assert design.shape == (80, 6)
    np.testing.assert_allclose(last_fit(design), np.full(6, -4.0), rtol=1e-6)


def test_the_loss_of_all_data_comes_from_a_probe(tmp_path):
    inputs = torch.ones(4, 3, dtype=torch.float64)
    torch.manual_seed(0)
    model = nn.Linear(3, 1).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    targets = torch.zeros(4, 1, dtype=torch.float64)
    values = []

    def full_loss():
        return nn.functional.mse_loss(model(inputs), targets)

    with record(model, optimizer, tmp_path / "run", dtype="float64", probe=full_loss):
        for _ in range(5):
            values.append(full_loss().item())
            optimizer.zero_grad()
            nn.functional.mse_loss(model(inputs[:1]), targets[:1]).backward()
            optimizer.step()
    values.append(full_loss().item())
    design = granger_design(tmp_path / "run", response="full")["weight"]
    np.testing.assert_allclose(design.y, np.diff(values), rtol=1e-12)


@pytest.mark.parametrize("response", ["same", "next"])
@pytest.mark.parametrize("momentum", [False, True])
def test_sums_over_a_design_are_those_kept_on_the_device(tmp_path, response, momentum):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9 * momentum)
    sums = StepAccumulators(response=response, momentum=momentum)
    with record(model, optimizer, [tmp_path / "run", sums]) as recorder:
        for _ in range(20):
            inputs, targets = torch.randn(8, 5), torch.randint(3, (8,))
            optimizer.zero_grad()
            loss = recorder.loss(
                lambda x=inputs, t=targets: nn.functional.cross_entropy(model(x), t)
            )
            loss.backward()
            optimizer.step()
    found = sums.result()
    designs = granger_design(
        tmp_path / "run",
        features="momentum" if momentum else "squares",
        response=f"{response}_minibatch",
    )
    for name, design in designs.items():
        x = matrix(design.columns)
        np.testing.assert_array_equal(design.y, found.paired_responses())
        for which, values in (("x", x.sum(axis=0)), ("xy", design.y @ x)):
            kept = getattr(found[name], which)[0].T.reshape(-1)
            np.testing.assert_allclose(
                values, kept, rtol=1e-5, atol=1e-6 * np.abs(kept).max(), err_msg=which
            )
