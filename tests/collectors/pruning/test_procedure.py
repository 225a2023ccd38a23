"""The procedure against a literal algorithm 1, and what a run may not depend on."""

import copy
import random
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.criteria import CausalLasso, Needs
from collectors.pruning import PruningSettings, PruningTask, pretrain, prune, published_settings
from tests.collectors.pruning.problems import (
    SHORT,
    Draws,
    Magnitude,
    Movement,
    batched,
    examples,
    fixed_network,
    same,
    shuffled,
    task,
)


def literal(model, batches, validation, levels, epochs, rank):
    """Algorithm 1 in plain torch: no hooks, one loop after the other."""
    n_pre, n_prune, n_post = epochs
    weights = {k: p for k, p in model.named_parameters() if k.endswith("weight")}

    def loss_of(x, y):
        return nn.functional.cross_entropy(model(x), y, reduction="none").mean()

    def epoch(optimizer, masks, movement=None):
        for x, y in batches:
            optimizer.zero_grad()
            loss_of(x, y).backward()
            with torch.no_grad():
                for name, weight in weights.items():
                    weight.grad *= masks[name]
                    if movement is not None:
                        movement[name] += (-1e-3 * weight.grad).double() ** 2
            optimizer.step()
            with torch.no_grad():
                for name, weight in weights.items():
                    weight *= masks[name]

    masks = {name: torch.ones_like(w) for name, w in weights.items()}
    adam = torch.optim.Adam(model.parameters(), lr=5e-4)
    for _ in range(n_pre):
        epoch(adam, masks)
    pretrained = copy.deepcopy(model.state_dict())
    for level in levels:
        movement = {name: torch.zeros_like(w, dtype=torch.float64) for name, w in weights.items()}
        sgd = torch.optim.SGD(model.parameters(), lr=1e-3)
        for _ in range(n_prune):
            epoch(sgd, masks, movement)
        scores = {n: rank(pretrained[n], movement[n], masks[n]) for n in weights}
        flat = torch.cat([s.flatten() for s in scores.values()])
        keep = round((1 - level) * len(flat))
        cut = flat.sort(descending=True).values[keep - 1]
        masks = {n: (scores[n] >= cut).float() for n in weights}
        model.load_state_dict(pretrained)
        with torch.no_grad():
            for name, weight in weights.items():
                weight *= masks[name]
    adam = torch.optim.Adam(model.parameters(), lr=5e-4)
    best, found = (-1.0, 0.0), None
    x, y = validation
    for _ in range(n_post):
        epoch(adam, masks)
        with torch.no_grad():
            right = float((model(x).argmax(1) == y).double().mean())
            now = right, -float(nn.functional.cross_entropy(model(x).double(), y))
        if now > best:
            best, found = now, copy.deepcopy(model.state_dict())
    return masks, found


RANKS = {
    "magnitude": (Magnitude(), lambda w, moved, mask: w.abs() * mask),
    "movement": (Movement(), lambda w, moved, mask: moved * mask),
}


@pytest.mark.parametrize("name", sorted(RANKS))
def test_masks_and_weights_are_those_of_a_literal_algorithm_1_bit_for_bit(name):
    criterion, rank = RANKS[name]
    batches, validation = batched(*examples()), examples(60, seed=1)
    levels = (0.3, 0.5, 0.7)
    settings = PruningSettings(n_pre=3, n_iter=3, n_prune=2, n_post=6)
    given = PruningTask(fixed_network(), train=batches, validation=validation)
    found = prune(
        given, criterion=criterion, sparsity=levels, seed=0, settings=settings, quiet=True
    )
    masks, best = literal(fixed_network(), batches, validation, levels, (3, 2, 6), rank)
    for layer, mask in masks.items():
        np.testing.assert_array_equal(found.masks.kept[layer], mask.bool().numpy())
    assert same(found.model.state_dict(), best)


def test_a_network_that_is_given_is_not_changed():
    model = fixed_network()
    prune(task(model=model), criterion=Draws(), sparsity=0.5, seed=0, settings=SHORT, quiet=True)
    assert same(model.state_dict(), fixed_network().state_dict())


def test_weights_that_no_gradient_reaches_are_pruned_first():
    # inputs 3 to 5 are constantly zero, and nothing decays: what they feed never moves
    x, y = examples()
    x[:, 3:] = 0
    given = task(train=shuffled(x, y), validation=(x, y))
    share = 12 * 3 / (12 * 6 + 12 * 3)
    found = prune(given, criterion=Movement(), sparsity=share, seed=3, settings=SHORT, quiet=True)
    first = found.masks.kept["0.weight"]
    assert not first[:, 3:].any()
    assert first[:, :3].all()
    assert found.masks.kept["2.weight"].all()


def test_without_a_sparsity_just_what_has_the_score_zero_is_pruned():
    x, y = examples()
    x[:, 3:] = 0
    given = task(train=shuffled(x, y), validation=(x, y))
    found = prune(given, criterion=Movement(), sparsity=None, seed=3, settings=SHORT, quiet=True)
    assert found.masks.layer_counts() == {"0.weight": 36, "2.weight": 36}


def run(seed=4, criterion=None, **changes):
    given = task(**changes)
    return prune(
        given, criterion=criterion or Movement(), sparsity=0.6, seed=seed, settings=SHORT,
        quiet=True,
    )  # fmt: skip


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    one, again, other = run(), run(), run(seed=5)
    assert same(one.model.state_dict(), again.model.state_dict())
    assert one.log.drop(columns="seconds").equals(again.log.drop(columns="seconds"))
    assert not same(one.model.state_dict(), other.model.state_dict())


@dataclass(frozen=True)
class Noise:
    """A data set whose transform draws from every global generator."""

    x: torch.Tensor
    y: torch.Tensor

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        drawn = random.random() + np.random.random() + torch.rand(()).item()  # noqa: NPY002
        return self.x[i] + 0.1 * drawn, self.y[i]


def states_of(own):
    numpy = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state(), random.getstate(), numpy, own.get_state()


def test_dropout_and_transforms_draw_the_same_and_global_random_state_is_left_alone():
    def dropping():
        return nn.Sequential(nn.Linear(6, 12), nn.Dropout(0.3), nn.ReLU(), nn.Linear(12, 3))

    own = torch.Generator().manual_seed(1)
    loader = torch.utils.data.DataLoader(Noise(*examples()), 32, shuffle=True, generator=own)
    states = []
    ends = []
    for stir in (0, 1):
        torch.manual_seed(stir)
        random.seed(stir)
        np.random.seed(stir)  # noqa: NPY002
        own.manual_seed(stir)
        before = states_of(own)
        ends.append(run(model=dropping, train=loader))
        after = states_of(own)
        states.append(
            torch.equal(before[0], after[0])
            and before[1] == after[1]
            and np.array_equal(before[2][1], after[2][1])
            and torch.equal(before[3], after[3])
        )
    assert states == [True, True]
    assert same(ends[0].model.state_dict(), ends[1].model.state_dict())


def test_criteria_of_one_seed_share_everything_until_they_prune():
    one, other = run(criterion=Movement()), run(criterion=Magnitude())
    # pre-training and the first collecting
    numbers = [c for c in one.log if c not in {"run_id", "method", "seconds"}]
    assert one.log[numbers].iloc[:4].equals(other.log[numbers].iloc[:4])
    assert not one.log[numbers].iloc[4:].equals(other.log[numbers].iloc[4:])


def test_weights_of_the_result_are_zero_where_pruned_and_nowhere_else():
    found = run()
    for name, mask in found.masks.kept.items():
        weight = dict(found.model.named_parameters())[name].detach().numpy()
        np.testing.assert_array_equal(weight != 0, mask)
    assert found.sparsity == pytest.approx(0.6, abs=1 / 108)


def test_after_pruning_training_goes_on_from_the_weights_that_the_settings_name():
    seen = {}

    @dataclass(frozen=True)
    class Spy:
        name: str = "spy"
        needs: Needs = field(default_factory=lambda: Needs())

        def scores(self, evidence):
            seen.setdefault(mode, []).append((evidence.weights, evidence.collected))
            return {n: 1 + np.abs(w) for n, w in evidence.weights.items()}

    start = fixed_network()
    for mode in ("pretrained", "initial", "none"):
        settings = replace(SHORT, rewind=mode)
        given = task(model=fixed_network)
        prune(given, criterion=Spy(), sparsity=0.0, seed=0, settings=settings, quiet=True)
    first = {mode: [w["0.weight"] for w, _ in each] for mode, each in seen.items()}
    initial = start[0].weight.detach().double().numpy()
    np.testing.assert_array_equal(first["initial"], [initial, initial])
    np.testing.assert_array_equal(first["pretrained"][0], first["pretrained"][1])
    assert not np.array_equal(first["pretrained"][0], initial)
    assert not np.array_equal(first["none"][0], first["none"][1])
    np.testing.assert_array_equal(first["none"][0], seen["none"][0][1]["0.weight"])


def test_a_sparse_network_stays_sparse_and_its_zeros_count():
    model = fixed_network()
    with torch.no_grad():
        model[0].weight[:, :2] = 0
        model[2].weight.zero_()  # new rather than pruned: a layer of zeros trains
    given = task(model=model)
    found = prune(given, criterion=Draws(), sparsity=0.5, seed=0, settings=SHORT, quiet=True)
    assert not found.masks.kept["0.weight"][:, :2].any()
    assert found.masks.kept["2.weight"].any()
    assert found.sparsity == 0.5
    free = prune(
        given, criterion=Draws(), sparsity=0.5, seed=0,
        settings=replace(SHORT, keep_zeros=False), quiet=True,
    )  # fmt: skip
    assert free.masks.kept["0.weight"][:, :2].any()


def test_a_control_keeps_as_many_of_each_layer_as_another_criterion_did():
    chosen = run(criterion=Movement())
    control = prune(
        task(), criterion=Draws(), sparsity=chosen.layer_counts(), seed=4, settings=SHORT,
        quiet=True,
    )  # fmt: skip
    assert control.layer_counts() == chosen.layer_counts()
    assert len(control.layer_counts()) == 2
    free = run(criterion=Draws())
    assert free.layer_counts() != chosen.layer_counts()
    assert not all(
        np.array_equal(mask, chosen.masks.kept[name]) for name, mask in control.masks.kept.items()
    )


def test_the_dense_control_trains_the_same_epochs_and_prunes_nothing():
    found = prune(task(), criterion="dense", sparsity=0.0, seed=4, settings=SHORT, quiet=True)
    assert found.sparsity == 0
    assert found.log["stage"].tolist() == ["pretraining"] * 2 + ["posttraining"] * 3 + ["final"]
    assert (
        found.log.iloc[:2, 6:]
        .drop(columns="seconds")
        .equals(run().log.iloc[:2, 6:].drop(columns="seconds"))
    )


def test_pretraining_is_shared_to_the_same_bytes_and_refused_for_another_seed():
    state = pretrain(task(), seed=4, settings=SHORT, quiet=True)
    given = {"criterion": Movement(), "sparsity": 0.6, "settings": SHORT, "quiet": True}
    shared = prune(task(), seed=4, pretrained=state, **given)
    assert same(shared.model.state_dict(), run().model.state_dict())
    with pytest.raises(ConfigurationError, match="pretrain"):
        prune(task(), seed=5, pretrained=state, **given)


def test_gradients_are_means_over_minibatches_at_the_collected_weights():
    seen = []

    @dataclass(frozen=True)
    class Spy:
        name: str = "spy"
        needs: Needs = field(default_factory=lambda: Needs(gradients=4))

        def scores(self, evidence):
            found = list(evidence.require_gradients(self.name)(4))
            seen.append((evidence.collected, found))
            return {n: np.ones(w.shape) for n, w in evidence.weights.items()}

    def without_bias():
        return nn.Sequential(nn.Linear(6, 12, bias=False), nn.ReLU(), nn.Linear(12, 3, bias=False))

    batches = batched(*examples())  # three, so that the fourth is the first again
    settings = replace(SHORT, n_iter=1)
    given = task(model=without_bias, train=batches)
    prune(given, criterion=Spy(), sparsity=0.0, seed=0, settings=settings, quiet=True)
    collected, found = seen[0]
    for (x, y), gradients in zip([*batches, batches[0]], found, strict=True):
        first, last = (
            torch.from_numpy(collected[n]).requires_grad_() for n in ("0.weight", "2.weight")
        )
        outputs = (x.double() @ first.T).relu() @ last.T
        nn.functional.cross_entropy(outputs, y).backward()
        np.testing.assert_allclose(gradients["0.weight"], first.grad, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(gradients["2.weight"], last.grad, rtol=1e-4, atol=1e-6)


def test_a_trajectory_is_there_while_scores_are_computed_and_gone_afterwards(tmp_path):
    seen = []

    @dataclass(frozen=True)
    class Spy:
        name: str = "spy"
        needs: Needs = field(default_factory=lambda: Needs(sums=True, trajectory=True))

        def scores(self, evidence):
            from causalhyper.frames.trajectory import read_trajectory

            store = read_trajectory(evidence.require_trajectory(self.name))
            moved = {}
            for layer in store.layers:
                size = int(np.prod(layer.shape))
                changes = store.columns(layer.name, 0, size).astype(float)
                moved[layer.name] = (changes**2).sum(0).reshape(layer.shape)
            seen.append((evidence.trajectory, store.n_steps, moved, evidence.sums))
            return moved

    given = {"criterion": Spy(), "sparsity": 0.5, "seed": 0, "settings": SHORT, "quiet": True}
    in_folder = prune(task(), out=tmp_path / "run", **given)
    alone = prune(task(), **given)
    assert same(in_folder.model.state_dict(), alone.model.state_dict())
    for path, steps, moved, sums in seen:
        assert not path.exists()
        assert steps == 6  # two epochs of three minibatches
        for name, values in moved.items():
            np.testing.assert_allclose(values.ravel(), sums[name].movement, rtol=1e-12)


def test_what_is_pruned_does_not_move_while_steps_are_recorded():
    seen = []

    class Spy(Movement):
        def scores(self, evidence):
            seen.append((evidence.masks, evidence.sums))
            return super().scores(evidence)

    prune(task(), criterion=Spy(), sparsity=0.6, seed=0, settings=SHORT, quiet=True)
    masks, sums = seen[1]
    for name, mask in masks.kept.items():
        moved = sums[name].movement.reshape(mask.shape)
        assert (~mask).any()
        assert (moved[~mask] == 0).all()
        assert (moved[mask] > 0).any()


@pytest.mark.parametrize("momentum", [False, True])
def test_collecting_has_momentum_where_the_criterion_asks_for_it(momentum):
    seen = []

    @dataclass(frozen=True)
    class Spy:
        name: str = "spy"
        needs: Needs = field(
            default_factory=lambda: Needs(sums=True, momentum=momentum, lags=(1,), response="next")
        )

        def scores(self, evidence):
            seen.append(evidence.sums)
            return {n: np.ones(w.shape) for n, w in evidence.weights.items()}

    prune(task(), criterion=Spy(), sparsity=0.0, seed=0, settings=SHORT, quiet=True)
    assert [s.momentum for s in seen] == [momentum] * 2
    assert seen[0].lags == (0, 1)
    assert seen[0].settings["response"] == "next"
    [group] = seen[0].settings["groups"]
    assert (group["momentum"], group["lr"]) == (0.9 if momentum else 0.0, 1e-3)


def test_posttraining_stops_after_so_many_epochs_without_a_gain():
    settings = replace(SHORT, n_post=50, patience=3, tolerance=10.0)
    found = prune(task(), criterion=Draws(), sparsity=0.5, seed=0, settings=settings, quiet=True)
    # the first epoch is a gain over nothing, and no later one falls by 10
    assert (found.log["stage"] == "posttraining").sum() == 4


def test_the_best_epoch_is_chosen_by_validation_and_never_by_test():
    settings = replace(SHORT, n_post=12, learning_rate=0.05)
    found = prune(task(), criterion=Draws(), sparsity=0.5, seed=2, settings=settings, quiet=True)
    post = found.log[found.log["stage"] == "posttraining"]
    final = found.to_frame().iloc[0]
    order = post.sort_values(
        ["validation_accuracy", "validation_loss"], ascending=[False, True], kind="stable"
    )
    assert final["epoch"] == order.iloc[0]["epoch"]
    assert final["test_accuracy"] == order.iloc[0]["test_accuracy"]
    assert final["test_accuracy"] < post["test_accuracy"].max()
    x, y = examples(60, seed=1)
    right = (found.model(x).argmax(1) == y).float().mean()
    assert float(right) == pytest.approx(final["validation_accuracy"], abs=1e-7)


def test_a_regression_has_losses_and_no_accuracy():
    x, _ = examples()
    y = x[:, :1] - x[:, 1:2]

    def squares(outputs, targets):
        return (outputs - targets).square().mean(1)

    given = PruningTask(
        lambda: nn.Linear(6, 1), train=batched(x, y), validation=(x, y), loss=squares
    )
    settings = replace(SHORT, learning_rate=0.05)
    found = prune(given, criterion=Movement(), sparsity=0.5, seed=0, settings=settings, quiet=True)
    assert found.log.filter(like="accuracy").isna().all(axis=None)
    assert "validation loss" in found.summary()
    post = found.log[found.log["stage"] == "posttraining"]
    assert found.to_frame()["validation_loss"][0] == post["validation_loss"].min()


def test_lbfgs_prunes_as_any_other_optimizer():
    given = task(optimizer=lambda p: torch.optim.LBFGS(p, lr=0.3, max_iter=3))
    found = prune(given, criterion=Movement(), sparsity=0.5, seed=0, settings=SHORT, quiet=True)
    for name, mask in found.masks.kept.items():
        weight = dict(found.model.named_parameters())[name].detach().numpy()
        assert (weight[~mask] == 0).all()
    dense = found.log[found.log["stage"] == "pretraining"]["train_loss"]
    assert dense.iloc[-1] < dense.iloc[0]


def test_training_that_diverges_says_where():
    given = task(optimizer=lambda p: torch.optim.SGD(p, lr=1e30))
    with pytest.raises(DataError, match="pretraining epoch 1"):
        prune(given, criterion=Draws(), sparsity=0.5, seed=0, settings=SHORT, quiet=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sparsity": 90}, "90% is 0.9"),
        ({"sparsity": (0.5,)}, "each of 2 iterations"),
        ({"sparsity": (0.5, 0.4)}, "must not fall"),
        ({"seed": -1}, "seed"),
        ({"sparsity": ({"0.weight": 9}, {"0.weight": 3})}, "layers 0.weight, 2.weight"),
        (
            {"sparsity": ({"0.weight": 9, "2.weight": 9}, {"0.weight": 10, "2.weight": 9})},
            "not rise",
        ),
        ({"settings": published_settings(n_iter=2)}, "causal-published"),
        ({"criterion": object()}, "name, needs and scores"),
        ({"sparsity": "0.9"}, "a share such as 0.9"),
        ({"sparsity": (0.5, None, 0.6)}, "each of 2 iterations"),
        ({"sparsity": np.float32(1.5)}, "share in"),
        ({"seed": 2**63}, "seed"),
        ({"settings": {"n_pre": 2}}, "must be PruningSettings"),
        ({"sparsity": 0.99}, "a minimum of 1 in each of 2 layers keeps 2 entries"),
        ({"sparsity": (0.5, 0.99)}, "leaves 1"),
        ({"resume": True}, "out="),
    ],
)
def test_a_call_that_cannot_end_well_is_refused_before_training(changes, words):
    def never():
        raise AssertionError("trained")

    class Data(list):
        def __iter__(self):
            never()

    given = {"criterion": Draws(), "sparsity": 0.5, "seed": 0, "settings": SHORT}
    with pytest.raises(ConfigurationError, match=words):
        prune(task(train=Data()), **(given | changes), quiet=True)


def test_the_log_has_one_row_an_epoch_and_evaluation():
    found = run()
    stages = ["pretraining"] * 2 + (["collecting"] * 2 + ["pruned"]) * 2
    assert found.log["stage"].tolist() == [*stages, *["posttraining"] * 3, "final"]
    assert found.log["iteration"].tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2]
    judged = found.log["test_accuracy"].notna().tolist()
    assert judged == [False, True, False, True, True, False, True, True, *[True] * 4]
    assert found.layers[["iteration", "layer", "entries"]].to_numpy().tolist() == [
        [1, "0.weight", 72], [1, "2.weight", 36], [2, "0.weight", 72], [2, "2.weight", 36]
    ]  # fmt: skip


def test_numbers_of_numpy_are_numbers():
    given = {"criterion": Draws(), "settings": SHORT, "quiet": True}
    plain = prune(task(), sparsity=0.5, seed=3, **given)
    for share in (np.float32(0.5), np.float64(0.5)):
        found = prune(task(), sparsity=share, seed=np.int64(3), **given)
        assert found.run_id == plain.run_id
        assert same(found.model.state_dict(), plain.model.state_dict())


@pytest.mark.parametrize("n_pre", [0, 2])
@pytest.mark.parametrize("empty", [[], [(torch.ones(0, 6), torch.ones(0).long())]])
def test_training_data_without_an_example_are_named(n_pre, empty):
    settings = replace(SHORT, n_pre=n_pre)
    with pytest.raises(ConfigurationError, match="training data hold no example"):
        prune(
            task(train=empty), criterion=Draws(), sparsity=0.5, seed=0, settings=settings,
            quiet=True,
        )  # fmt: skip


@pytest.mark.parametrize("name", ["validation", "test"])
def test_data_that_are_not_finite_are_told_from_training_that_diverges(name):
    x, y = examples(60, seed=1)
    x[7, 2] = float("nan")
    with pytest.raises(DataError, match=f"values in the {name} data"):
        prune(
            task(**{name: (x, y)}), criterion=Draws(), sparsity=0.5, seed=0, settings=SHORT,
            quiet=True,
        )  # fmt: skip


def test_posttraining_that_diverges_returns_no_network():
    rates = iter([0.01, 1e30])
    given = task(optimizer=lambda p: torch.optim.SGD(p, lr=next(rates)), validation=None)
    with pytest.raises(DataError, match="weights of post-training epoch 3 are not finite"):
        prune(given, criterion=Draws(), sparsity=0.5, seed=0, settings=SHORT, quiet=True)


def with_zeros():
    model = fixed_network()
    with torch.no_grad():
        model[0].weight[:, :3] = 0  # 36 of 108 weights
    return model


def test_a_sparsity_below_what_is_zero_already_is_refused():
    given = {"criterion": Magnitude(), "seed": 0, "settings": SHORT, "quiet": True}
    for asked in (0.3, [0.1, 0.3]):
        with pytest.raises(ConfigurationError, match=r"0.3 is below 0.33.*keep_zeros=False"):
            prune(task(model=with_zeros()), sparsity=asked, **given)
    found = prune(task(model=with_zeros()), sparsity=1 / 3, **given)
    assert found.sparsity == pytest.approx(1 / 3)
    training = {**given, "settings": replace(SHORT, keep_zeros=False)}
    found = prune(task(model=with_zeros()), sparsity=0.3, **training)
    assert found.sparsity == pytest.approx(0.3, abs=0.005)


@pytest.mark.parametrize("name", ["magnitude", "random", "movement", "causal-lasso"])
def test_a_criterion_that_only_ranks_is_not_asked_how_much_is_pruned(name):
    with pytest.raises(ConfigurationError, match=f"{name!r} ranks, and does not say how much"):
        prune(task(), criterion=name, sparsity=None, seed=0, settings=SHORT, quiet=True)
    lasso = CausalLasso(penalty=0.01)
    assert prune(task(), criterion=lasso, sparsity=None, seed=0, settings=SHORT, quiet=True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"loss": "ce"}, "loss must be a function; got str: loss\\(outputs, targets\\)"),
        ({"optimizer": "adam"}, "optimizer must be a function; got str"),
        ({"correct": 3}, "correct must be a function; got int"),
        ({"layers": 5}, "layers must be a name or pattern"),
        ({"device": "cud"}, "device must be one of torch.*'cud'"),
        ({"model": nn.Linear}, "Linear cannot be made without arguments.*lambda: Linear"),
        ({"model": lambda: nn.DataParallel(fixed_network())}, "give the network inside"),
        ({"optimizer": lambda _: "sgd"}, "makes the optimizer returned str"),
    ],
)
def test_a_task_of_wrong_parts_is_refused_with_what_is_expected(wrong, said):
    with pytest.raises(ConfigurationError, match=said):
        prune(
            task(**wrong), criterion="magnitude", sparsity=0.5, seed=0, settings=SHORT, quiet=True
        )


class Answers(nn.Module):
    """A linear layer whose outputs are in a dict."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, x):
        return {"logits": self.layer(x)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": lambda: nn.Sequential(nn.Linear(6, 9), nn.BatchNorm1d(9), nn.Linear(9, 3)),
          "train": batched(*examples(65))},
         r"inputs \(1, 6\).*more than 1 value.*drop_last=True"),
        ({"model": Answers}, "outputs are a dict.*loss="),
        ({"model": lambda: nn.Linear(7, 3)}, r"inputs \(32, 6\).*mat1 and mat2"),
        ({"model": lambda: nn.Linear(6, 2)}, r"targets \(32,\).*out of bounds"),
        ({"model": lambda: nn.Linear(6, 2), "train": batched(examples()[0], examples()[1] % 2)},
         "Target 2 is out of bounds"),
    ],
)  # fmt: skip
def test_a_network_or_loss_that_fails_is_told_with_its_minibatch(changes, said):
    given = {"criterion": Magnitude(), "sparsity": 0.5, "seed": 0, "settings": SHORT}
    with pytest.raises(ConfigurationError, match=said):
        prune(task(**changes), quiet=True, **given)


class Recurrent(nn.Module):
    """A recurrent layer and a linear one, of which the latter is pruned unless more is asked."""

    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRU(2, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.cell(x.unflatten(1, (3, 2)))[0][:, -1])


def test_the_summary_says_which_weights_were_not_to_be_pruned():
    given = {"criterion": Magnitude(), "sparsity": 0.5, "seed": 0, "settings": SHORT}
    found = prune(task(model=Recurrent), quiet=True, **given).summary()
    assert "50.00% of 12 prunable parameters" in found
    assert "72 weights left whole: cell.weight_ih_l0, cell.weight_hh_l0 (layers=" in found
    every = prune(task(model=Recurrent, layers="*.weight*"), quiet=True, **given).summary()
    assert "left whole" not in every


def test_an_optimizer_in_place_of_what_makes_one_is_refused():
    made = torch.optim.Adam(fixed_network().parameters())
    with pytest.raises(ConfigurationError, match=r"lambda parameters: Adam\(parameters, lr=...\)"):
        task(optimizer=made)
