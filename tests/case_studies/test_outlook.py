"""The outlook: rates from coefficients, weights drawn anew, and how they are judged."""

import numpy as np
import pandas as pd
import pytest
import torch

from case_studies.outlook import learning_rates, reinitialisation
from case_studies.outlook.__main__ import CONTROL, DATA, differences
from case_studies.outlook.analysis import TUNING, judged, tuned_rates
from case_studies.outlook.images import TRAIN, Images, load_images
from case_studies.outlook.members import Member, begin, descend, gradients_at, minibatches, score
from causalhyper.errors import DataError


@pytest.fixture(scope="module")
def images() -> Images:
    generator = torch.Generator().manual_seed(0)

    def part(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = torch.randn(count, 196, generator=generator)
        return inputs, (inputs[:, 0] > 0).long()

    return Images(part(512), part(500), part(500))


def changes_of(size: int, steps: int = 400) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.normal(size=(steps, size)).astype(np.float32) * 1e-3


def start_of(size: int) -> dict[str, torch.Tensor]:
    return {"0.weight": torch.zeros(1, 1, size), "0.bias": torch.zeros(1, 1)}


def test_a_parameter_with_more_curvature_gets_a_smaller_rate_in_the_curvature_arm():
    changes = changes_of(6)
    squares = changes.astype(float) ** 2
    curvatures = np.array([0.0, 0.0, 0.0, 20.0, 40.0, 80.0])
    y = squares @ (-1 / learning_rates.RATE + curvatures / 2)
    rates = learning_rates._rates(changes, y, np.random.default_rng(0), start_of(6))["curvature"]
    # Newton's rate, damped by the plain one: 1 / (1 / 0.05 + h), over its mean
    wanted = 1 / (1 / learning_rates.RATE + curvatures)
    np.testing.assert_allclose(rates / rates[0], wanted / wanted[0], rtol=0.02)


def test_with_equal_coefficients_all_readings_of_them_are_the_plain_rate():
    changes = changes_of(6)
    y = -(changes.astype(float) ** 2).sum(axis=1) / learning_rates.RATE
    rates = learning_rates._rates(changes, y, np.random.default_rng(0), start_of(6))
    for arm in ("gamma", "gamma_inverse", "gamma_permuted", "curvature"):
        np.testing.assert_allclose(rates[arm], 1.0, rtol=0.02, err_msg=arm)


def test_relative_rates_have_mean_one_and_stay_within_the_clip():
    changes = changes_of(50, 80) * np.logspace(-3, 0, 50, dtype=np.float32)
    y = np.random.default_rng(2).normal(size=80)
    rates = learning_rates._rates(changes, y, np.random.default_rng(0), start_of(50))
    for arm, values in rates.items():
        assert values.mean() == pytest.approx(1, rel=1e-5), arm
        assert values.max() <= learning_rates.CLIP**2 * values.min() * 1.0001, arm


def test_every_arm_and_rate_of_a_seed_is_evaluated_twice(images, monkeypatch):
    monkeypatch.setattr(learning_rates, "WARM", 4)
    monkeypatch.setattr(learning_rates, "COLLECT", 40)
    monkeypatch.setattr(learning_rates, "FACTORS", (1.0, 2.0))
    frame = learning_rates.run(images, [0, 1], "cpu", updates=6)
    assert len(frame) == 2 * 2 * 2 * len(learning_rates.ARMS)
    assert set(frame["updates"]) == {4, 6}
    plain = frame[(frame["arm"] == "plain") & (frame["rate"] == 1) & (frame["updates"] == 6)]
    assert plain["train_loss"].tolist() == pytest.approx(plain_by_hand(images), rel=1e-4)


def plain_by_hand(images: Images) -> list[float]:
    """Losses of two seeds after 4 and 6 steps of plain descent, one network at a time."""
    losses = []
    for seed in (0, 1):
        model, _ = begin(learning_rates.WIDTHS, [seed], "cpu")
        optimizer = torch.optim.SGD(model.parameters(), lr=learning_rates.RATE)
        orders = [minibatches(images, [seed], 4), minibatches(images, [seed + 10_000], 6)]
        for order in orders:
            for inputs, classes in order:
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(inputs[0]), classes[0]).backward()
                optimizer.step()
        inputs, classes = images.train
        losses.append(torch.nn.functional.cross_entropy(model(inputs), classes).item())
    return losses


def test_only_the_lowest_share_of_a_layer_is_drawn_anew(images):
    model, parameters = begin((5,), [3], "cpu")
    members = [Member(3, arm, 0.1) for arm in ("plain", "magnitude 0.2", "random 0.2")]
    parameters = {k: p.repeat_interleave(3, 0) for k, p in parameters.items()}
    sums = reinitialisation._Sums(parameters, 4)
    for batch in minibatches(images, [3], 4, repeats=3):
        found, losses = gradients_at(model, batch)(parameters)
        descend(parameters, found, 0.1)
        sums.add(found, torch.full((3,), 0.1), losses)
    before = {k: p.clone() for k, p in parameters.items()}
    generator = torch.Generator().manual_seed(3)
    reinitialisation._draw_anew(parameters, sums, members, {3: generator})
    for name, value in parameters.items():
        changed = (value != before[name]).flatten(1)
        if value.ndim < 3:
            assert not changed.any()
            continue
        count = round(0.2 * changed.shape[1])
        assert changed.sum(1).tolist() == [0, count, count]
        sizes = before[name][1].abs().flatten()
        assert sizes[changed[1]].max() <= sizes[~changed[1]].min()


def test_sums_give_the_correlation_and_the_movement_of_the_steps(images):
    model, parameters = begin((5,), [3], "cpu")
    sums = reinitialisation._Sums(parameters, 6)
    squares, responses = [], []
    for batch in minibatches(images, [3], 6):
        found, losses = gradients_at(model, batch)(parameters)
        descend(parameters, found, 0.1)
        sums.add(found, torch.tensor([0.1]), losses)
        squares.append(((0.1 * found["0.weight"][0]) ** 2).double().flatten().numpy())
        responses.append(losses.item())
    x, y = np.array(squares), np.array(responses)
    ranks = sums.ranks("0.weight", parameters["0.weight"])
    # the correlation, but for the spread of the response, which is the same for all
    wanted = np.abs(((x - x.mean(0)) * (y - y.mean())[:, None]).mean(0)) / x.std(0)
    np.testing.assert_allclose(ranks["causal"].flatten().numpy(), wanted, rtol=2e-3, atol=1e-6)
    np.testing.assert_allclose(ranks["movement"].flatten().numpy(), x.sum(0), rtol=1e-5)


def runs_of(losses: dict[tuple[str, float], float]) -> pd.DataFrame:
    rows = [
        {"seed": seed, "arm": arm, "rate": rate, "updates": 10, "validation_loss": loss,
         "test_accuracy": 0.8 + 0.01 * seed + 0.05 * (arm == "b")}
        for (arm, rate), loss in losses.items()
        for seed in range(TUNING + 3)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_rates_are_tuned_on_the_first_seeds_and_judged_on_the_others():
    runs = runs_of({("a", 1): 0.5, ("a", 2): 0.4, ("a", 4): 0.6, ("b", 1): 0.3, ("b", 4): np.nan})
    runs.loc[(runs["seed"] >= TUNING) & (runs["rate"] == 2), "validation_loss"] = 9.0
    chosen = tuned_rates(runs)
    assert chosen[["arm", "rate", "edge"]].to_numpy().tolist() == [["a", 2, False], ["b", 1, True]]
    kept = judged(runs, chosen)
    assert sorted(set(kept["seed"])) == [TUNING, TUNING + 1, TUNING + 2]
    assert kept.groupby("arm")["rate"].unique().map(list).to_dict() == {"a": [2], "b": [1]}


def test_differences_are_of_seeds_with_the_same_beginning():
    runs = runs_of({("a", 1): 0.5, ("b", 1): 0.3})
    (found,) = differences(runs, "a", "test_accuracy").estimates
    assert (found.estimate, found.clusters) == (pytest.approx(0.05), 3)


@pytest.mark.parametrize("name", CONTROL)
def test_the_shipped_trainings_are_whole(name):
    runs = pd.read_parquet(DATA / f"{name}.parquet")
    last = runs[runs["updates"] == runs["updates"].max()]
    assert last.groupby(["arm", "rate"])["seed"].nunique().eq(25).all()
    assert not last.duplicated(["seed", "arm", "rate"]).any()
    assert {"plain", CONTROL[name]} < set(last["arm"])


def test_images_are_averaged_by_fours_and_standardised(tmp_path):
    rng = np.random.default_rng(0)
    small = {
        "x_train": rng.integers(0, 256, (TRAIN + 5, 28, 28)).astype(np.uint8),
        "y_train": np.zeros(TRAIN + 5, dtype=np.uint8),
        "x_test": rng.integers(0, 256, (4, 28, 28)).astype(np.uint8),
        "y_test": np.ones(4, dtype=np.uint8),
    }
    np.savez(tmp_path / "f.npz", **small)
    images = load_images(tmp_path / "f.npz", "cpu")
    inputs = images.train[0]
    assert (len(inputs), len(images.validation[0]), len(images.test[0])) == (TRAIN, 5, 4)
    assert inputs.mean().item() == pytest.approx(0, abs=1e-3)
    cell = small["x_test"][1, 2:4, 4:6].astype(float).mean()
    other = small["x_test"][1, 0:2, 0:2].astype(float).mean()
    assert (images.test[0][1, 16] > images.test[0][1, 0]).item() == (cell > other)
    with pytest.raises(DataError, match="x_train, y_train"):
        load_images(tmp_path / "missing.npz", "cpu")


def test_scores_are_means_over_whole_parts(images):
    model, parameters = begin((5,), [3, 4], "cpu")
    members = [Member(3, "plain", 1.0), Member(4, "plain", 1.0)]
    frame = score(model, parameters, members, images, 7)
    outputs = begin((5,), [3], "cpu")[0](images.test[0])
    wanted = torch.nn.functional.cross_entropy(outputs, images.test[1]).item()
    assert frame["test_loss"][0] == pytest.approx(wanted, rel=1e-5)
    right = (outputs.argmax(1) == images.test[1]).double().mean().item()
    assert frame["test_accuracy"][0] == right
