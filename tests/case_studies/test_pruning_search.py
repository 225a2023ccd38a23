"""The search for a criterion: its network, its sums, its arms and what is made of its log."""

import numpy as np
import pandas as pd
import pytest
import torch

from case_studies.pruning.search import collecting
from case_studies.pruning.search.candidates import ARMS, EXCITATIONS
from case_studies.pruning.search.collecting import SHIFT, Excitation, collect
from case_studies.pruning.search.network import (
    Images,
    exact_loss,
    gradient,
    layer_places,
    loss,
    new_parameters,
    outputs,
    train,
)
from case_studies.pruning.search.protocol import Lengths, Pruner
from case_studies.pruning.search.reading import BASELINES, LOG, compare_stage, summarise
from causalhyper.granger.criteria.partial_fit import partial_fit


@pytest.fixture(scope="module")
def images():
    rng = torch.Generator().manual_seed(0)
    return {
        name: Images(
            torch.randn(300, 196, generator=rng), torch.randint(0, 10, (300,), generator=rng)
        )
        for name in ("train", "validation", "test")
    }


def test_the_network_is_a_perceptron_of_67530_parameters(images):
    theta = new_parameters(torch.Generator().manual_seed(1))
    assert len(theta) == 67_530
    theta = theta + 0.1 * torch.randn(len(theta), generator=torch.Generator().manual_seed(2))
    model = torch.nn.Sequential(
        torch.nn.Linear(196, 256), torch.nn.ReLU(), torch.nn.Linear(256, 64), torch.nn.ReLU(),
        torch.nn.Linear(64, 10),
    )  # fmt: skip
    for at, (part, shape) in zip((0, 2, 4), layer_places().values(), strict=True):
        model[at].weight.data = theta[part].view(shape)
    ends = np.cumsum([256, 64, 10]) + 67_200
    for at, stop in zip((0, 2, 4), ends, strict=True):
        model[at].bias.data = theta[stop - len(model[at].bias) : stop]
    held = images["train"]
    torch.testing.assert_close(outputs(theta, held.pixels), model(held.pixels))
    wanted = torch.nn.functional.cross_entropy(model(held.pixels), held.classes)
    torch.testing.assert_close(loss(theta, held), wanted)
    assert exact_loss(theta, held) == pytest.approx(wanted.item(), rel=1e-5)
    wanted.backward()
    (part, _) = layer_places()["fc2"]
    torch.testing.assert_close(gradient(theta, held)[part], model[2].weight.grad.ravel())


def test_what_is_masked_stays_zero_in_training_and_collecting(images):
    theta = new_parameters(torch.Generator().manual_seed(1))
    mask = (torch.rand(len(theta), generator=torch.Generator().manual_seed(3)) < 0.5).float()
    trained = train(theta, mask, images["train"], 1, 1e-3, torch.Generator().manual_seed(0))
    assert not trained[mask == 0].any()
    assert trained[mask == 1].ne(theta[mask == 1]).float().mean() > 0.9
    for excitation in EXCITATIONS.values():
        end, series = collect(trained, mask, images["train"], excitation, SHIFT + 5, 0)
        assert not end[mask == 0].any()
        part, _ = layer_places()["fc3"]
        moved = series.layers["fc3"].attribution.moved
        assert not moved[mask[part].numpy() == 0].any()


def test_the_sums_of_a_stage_are_those_of_its_steps(images, monkeypatch):
    seen = []
    whole = collecting._step

    def noted(*arguments):
        seen.append(whole(*arguments))
        return seen[-1]

    monkeypatch.setattr(collecting, "_step", noted)
    theta = new_parameters(torch.Generator().manual_seed(1))
    steps = SHIFT + 30
    _, series = collect(
        theta, torch.ones_like(theta), images["train"], Excitation(spread=2.0, noise=1.0), steps, 0
    )
    assert series.values.shape[0] == 30
    d = np.stack([step.change.double().numpy() for step in seen])
    part, shape = layer_places()["fc3"]
    x, old = d[SHIFT:, part] ** 2, d[SHIFT - 1 : -1, part] ** 2
    values = {name: series.series([name])[:, 0] for name in series.names}
    residual = np.array([step.series["residual"] for step in seen])
    np.testing.assert_array_equal(values["residual"], residual[SHIFT:])
    np.testing.assert_array_equal(values["residual@2"], residual[SHIFT - 2 : -2])
    np.testing.assert_array_equal(values[f"residual@{SHIFT}"], residual[:-SHIFT])
    np.testing.assert_allclose(values["moved.fc3"], x.sum(axis=1), rtol=1e-6)
    layer = series.layers["fc3"]
    at = series.names.index("residual")
    np.testing.assert_allclose(layer.sums.crossed[at, 0], values["residual"] @ x, rtol=1e-9)
    np.testing.assert_allclose(layer.sums.crossed[at, 1], values["residual"] @ old, rtol=1e-9)
    np.testing.assert_allclose(layer.sums.squares[0, 1], (x * old).sum(axis=0), rtol=1e-9)
    np.testing.assert_allclose(layer.attribution.moved, x.sum(axis=0), rtol=1e-9)
    np.testing.assert_allclose(layer.units, x.reshape(-1, *shape).sum(axis=2), rtol=1e-9)
    np.testing.assert_allclose(layer.sketched, layer.sketch.project(x), rtol=1e-9)
    means = (np.cumsum(x, axis=0) - x) / np.maximum(np.arange(30), 1)[:, None]
    weighted = (x * means).reshape(-1, *shape).sum(axis=2)
    np.testing.assert_allclose(layer.weighted, weighted, rtol=1e-9)
    assert partial_fit(layer.sums, "residual", ("one", "moved.fc3"), (0,)).degrees == 27


def test_half_the_shares_of_a_real_network_are_its_residual_loss_change(images):
    """The loss of this network is smooth but where a ReLU switches, and the steps are small."""
    theta = new_parameters(torch.Generator().manual_seed(1))
    mask = torch.ones_like(theta)
    step = collecting._step(theta, mask, images["train"], Excitation(rate=0.02),
                            torch.Generator().manual_seed(0))  # fmt: skip
    shares = 0.5 * float((step.change.double() * (step.after - step.before).double()).sum())
    assert shares == pytest.approx(step.series["residual"], rel=0.05)
    assert step.series["residual"] > 0
    assert step.series["same"] < 0


def test_every_arm_prunes_to_the_sparsity_asked_for(images):
    pruner = Pruner(images, 0, Lengths(before=1, trained=1, after=1, steps=SHIFT + 12))
    for name in ("lamp", "fisher", "secant, adaptive, rewound", "shared by unit"):
        rows = list(pruner.prune_at_once(ARMS[name], (0.9,)))
        counts = {n: np.prod(shape) for n, (_, shape) in layer_places().items()}
        kept = sum(rows[0][f"kept_{n}"] * counts[n] for n in counts)
        assert round(kept) == round(0.1 * 67_200)
    assert set(BASELINES) < set(ARMS)


def test_the_shipped_log_is_compared_with_its_strongest_baseline_by_hand():
    frame = pd.read_parquet(LOG)
    assert set(frame["method"]) - {"dense"} <= set(ARMS)
    stage = frame[frame["stage"] == "screen"]
    found = compare_stage(frame, "screen")
    rows = found[found["sparsity"] == 0.95].set_index("method")
    table = stage[stage["sparsity"] == 0.95].pivot(
        index="seed", columns="method", values="validation_accuracy"
    )
    strong = table[[name for name in BASELINES if name in table]].mean().idxmax()
    assert set(rows["baseline"]) == {strong}
    wanted = (table["secant"] - table[strong]).dropna()
    assert rows.loc["secant", "difference"] == pytest.approx(wanted.mean())
    half = 4.302653 * wanted.std() / np.sqrt(len(wanted))
    assert rows.loc["secant", "upper"] == pytest.approx(wanted.mean() + half, rel=1e-4)
    assert "95% pruned; differences from" in summarise(frame)
