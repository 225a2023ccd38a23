"""A network of a stack is what pruning it alone gives."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.criteria import named
from causalhyper.granger.masks import allocate
from collectors.ensembles.pruning import (
    Method,
    Pruning,
    Stack,
    chains,
    collecting,
    ladder,
    posttrain_rows,
    pretrain_row,
    prune_chains,
    stacked_network,
)
from collectors.ensembles.pruning.convolutions import ENGINES
from collectors.ensembles.pruning.cuts import cut
from collectors.ensembles.pruning.layout import layout_of
from collectors.ensembles.pruning.networks import Precision, StackedNetwork
from collectors.ensembles.pruning.passes import train_pass
from collectors.ensembles.pruning.posttraining import Trained
from collectors.ensembles.pruning.recording import Asked, Kind, Recording
from collectors.ensembles.pruning.updates import SgdUpdate
from collectors.networks import LeNet
from collectors.pruning import PruningSettings, PruningTask, prune
from collectors.pruning.pruned import Pruned

SEED = 3
SETTINGS = PruningSettings(
    n_pre=2, n_iter=3, n_prune=2, n_post=3, collecting_rate=1e-2, learning_rate=5e-3
)
LADDER = ladder([0.6, 0.8], 3)


def network() -> nn.Module:
    layers = nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 6), nn.ReLU()
    return nn.Sequential(*layers, nn.Linear(6, 3)).double()


@dataclass(frozen=True)
class Shuffled:
    """Minibatches in an order drawn anew each pass."""

    x: Tensor
    y: Tensor

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for rows in torch.randperm(len(self.x)).split(16):
            yield self.x[rows], self.y[rows]


def examples(n: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 1, 6, 6, generator=generator, dtype=torch.float64)
    return x, x.flatten(1)[:, :3].argmax(1)


TASK = PruningTask(
    network, Shuffled(*examples(72, 0)), validation=examples(50, 1), test=examples(60, 2)
)


def screened(statistic: str, **options: object) -> Method:
    name = f"causal-{statistic}"
    return Method(name, named("causal", statistic=statistic, name=name, **options))


METHODS = (
    screened("covariance"),
    screened("correlation"),
    screened("marginal"),
    Method("next", named("causal", statistic="marginal", response="next", name="next")),
    Method("shifted", named("causal-shifted", criterion="causal", shift=2, name="shifted")),
    Method("movement", named("movement")),
    Method("fisher", named("fisher")),
    Method("gain", named("gain")),
    Method("gain alone", named("gain", squared=False, at="rewound", name="gain alone")),
    Method("gain later", named("gain", name="gain later"), more=2),
    Method("fisher later", named("fisher", name="fisher later"), more=2),
    Method("causal later", named("causal", name="causal later"), more=1),
    Method("magnitude", named("magnitude")),
    Method("uniform", named("magnitude", name="uniform"), scope="layer"),
    Method("lamp", named("lamp")),
    Method("taylor", named("taylor", minibatches=7)),
    Method("obd", named("obd", minibatches=7)),
    Method("woodfisher", named("woodfisher", minibatches=7, block=20)),
    Method("causal-lasso", named("causal-lasso", penalties=20)),
    Method("causal-elastic-net", named("causal-elastic-net", penalties=20)),
    Method("causal-ridge", named("causal-ridge")),
    Method("random", named("random"), collecting="none"),
    Method("later", named("magnitude", name="later"), collecting="adam"),
    Method("random at", named("random", name="random at"), collecting="none", counts_of="lamp"),
)
ALONE = [m.name for m in METHODS if m.collecting != "adam"]


@pytest.fixture(scope="module")
def stack() -> Stack:
    return Stack(TASK, stacked_network(TASK), SETTINGS, SEED, at_once=7)


Found = tuple[list[dict], dict[tuple[str, float | None], tuple[Pruning, Trained]]]


@pytest.fixture(scope="module")
def found(stack: Stack) -> Found:
    with torch.random.fork_rng():
        return everything(stack, METHODS)


def everything(stack: Stack, methods: tuple[Method, ...]) -> Found:
    origin, log = pretrain_row(stack)
    prunings = list(prune_chains(stack, methods, LADDER, origin))
    iterations = [max(row["iteration"] for row in p.layers) for p in prunings]
    rates = [SETTINGS.learning_rate] * len(prunings)
    trained = posttrain_rows(stack, origin, [p.kept for p in prunings], iterations, rates)
    return log, {(p.method, p.target): (p, t) for p, t in zip(prunings, trained, strict=True)}


def alone(method: Method, target: float, found: Found) -> Pruned:
    stop = LADDER.stops[target]
    way: list = list(LADDER.levels[:stop])
    if method.counts_of is not None:
        layers = found[1][method.counts_of, target][0].layers
        each = range(1, stop + 1)
        way = [{r["layer"]: r["kept"] for r in layers if r["iteration"] == i} for i in each]
    settings = replace(SETTINGS, n_iter=stop, scope=method.scope, n_more=method.more)
    rule = method.criterion
    return prune(TASK, criterion=rule, sparsity=way, seed=SEED, settings=settings, quiet=True)


@pytest.mark.parametrize("target", LADDER.stops)
@pytest.mark.parametrize("name", ALONE)
def test_a_member_of_a_stack_is_what_prune_alone_makes(
    name: str, target: float, stack: Stack, found: Found
):
    method = next(m for m in METHODS if m.name == name)
    expected = alone(method, target, found)
    pruning, trained = found[1][name, target]
    masks = stack.network.layout.masks(pruning.kept)
    for layer, kept in expected.masks.kept.items():
        np.testing.assert_array_equal(masks.kept[layer], kept)
    state = stack.network.layout.state(trained.best)
    for layer, weights in expected.model.state_dict().items():
        torch.testing.assert_close(state[layer], weights, rtol=0, atol=1e-9)
    layers = pd.DataFrame(pruning.layers)
    pd.testing.assert_frame_equal(
        layers, expected.layers[layers.columns], check_dtype=False, rtol=1e-12
    )


@pytest.mark.parametrize("name", ["causal-covariance", "gain later", "magnitude", "causal-lasso"])
def test_the_log_of_a_member_is_that_of_prune_but_for_test_data_looked_at_once(
    name: str, found: Found
):
    method = next(m for m in METHODS if m.name == name)
    expected = alone(method, 0.8, found).log
    pruning, trained = found[1][name, 0.8]
    log = pd.DataFrame([*found[0], *pruning.log, *trained.log])
    seen = expected["stage"] == "posttraining"
    expected.loc[seen, ["test_loss", "test_accuracy"]] = np.nan
    columns = [c for c in expected if c not in ("run_id", "seed", "method", "seconds")]
    pd.testing.assert_frame_equal(
        log[columns], expected[columns], check_dtype=False, rtol=0, atol=1e-9
    )


def test_magnitude_after_more_adam_is_what_torchs_adam_gives_step_by_step(
    stack: Stack, found: Found
):
    order, layout = stack.order(), stack.network.layout
    with torch.random.fork_rng():
        origin, _ = pretrain_row(stack)
        kept = layout.masks(torch.ones_like(origin, dtype=torch.bool))
        for iteration, level in enumerate(LADDER.levels, start=1):
            model = network()
            model.load_state_dict(layout.state(origin * layout.mask_row(kept, origin.device)))
            optimizer = torch.optim.Adam(model.parameters(), lr=SETTINGS.learning_rate)
            for epoch in range(1, SETTINGS.n_prune + 1):
                for x, y in order.epoch(TASK.train, "collecting", iteration, epoch):
                    optimizer.zero_grad()
                    nn.functional.cross_entropy(model(x), y).backward()
                    for name, p in model.named_parameters():
                        if name in kept.kept:
                            p.grad *= torch.from_numpy(kept.kept[name])
                    optimizer.step()
            state = model.state_dict()
            sizes = {n: state[n].abs().numpy() * kept.kept[n] for n in kept.kept}
            kept = allocate(sizes, sparsity=level, within=kept).masks
    masks = layout.masks(found[1]["later", 0.8][0].kept)
    for name, expected in kept.kept.items():
        np.testing.assert_array_equal(masks.kept[name], expected)


def test_members_do_not_depend_on_which_others_train_beside_them(stack: Stack, found: Found):
    chosen = tuple(
        m for m in METHODS if m.name in ("fisher", "causal-covariance", "gain later", "later")
    )
    with torch.random.fork_rng():
        _, fewer = everything(replace(stack, at_once=2), chosen)
    for key, (pruning, trained) in fewer.items():
        other, same = found[1][key]
        assert torch.equal(pruning.kept, other.kept)
        torch.testing.assert_close(trained.best, same.best, rtol=0, atol=1e-9)


def test_all_methods_keep_exactly_as_many(stack: Stack, found: Found):
    entries = stack.network.layout.entries
    for (_, target), (pruning, _) in found[1].items():
        kept = stack.network.layout.masks(pruning.kept).layer_counts()
        assert target is not None
        if pruning.method != "uniform":
            assert sum(kept.values()) == round((1 - target) * entries)


def test_a_criterion_that_chooses_how_many_follows_its_penalty_as_prune_does(stack: Stack):
    rule = named("causal-published", form="sums", l1=1e-9, name="exact")
    control = named("random", name="control")
    methods = (
        Method("exact", rule, scope="layer", free=True),
        Method("control", control, collecting="none", counts_of="exact"),
    )
    with torch.random.fork_rng():
        _, found = everything(stack, methods)
    settings = replace(SETTINGS, scope="layer", minimum=0)
    alone = prune(TASK, criterion=rule, sparsity=None, seed=SEED, settings=settings, quiet=True)
    counts = stack.network.layout.masks(found["exact", None][0].kept).layer_counts()
    for name, kept in alone.masks.kept.items():
        there = stack.network.layout.masks(found["exact", None][0].kept)
        np.testing.assert_array_equal(there.kept[name], kept)
    assert 0 < sum(counts.values()) < stack.network.layout.entries
    assert set(found) == {("exact", None), ("control", None)}
    assert stack.network.layout.masks(found["control", None][0].kept).layer_counts() == counts


def test_each_member_stops_by_itself_and_has_its_own_rate(stack: Stack):
    settings = replace(SETTINGS, n_post=12, patience=2, tolerance=0.0)
    stack = replace(stack, settings=settings)
    with torch.random.fork_rng():
        origin, _ = pretrain_row(stack)
        whole = torch.ones_like(origin, dtype=torch.bool)
        rates = [1e-3, 0.3, 1e-2]
        together = posttrain_rows(stack, origin, [whole] * 3, [0] * 3, rates)
        single = [posttrain_rows(stack, origin, [whole], [0], [rate])[0] for rate in rates]
    assert len({len(one.log) for one in together}) > 1
    for one, same in zip(together, single, strict=True):
        assert len(one.log) == len(same.log)
        assert one.stopping.best_epoch == same.stopping.best_epoch
        # what is large at a rate of 0.3 is compared by its own size
        torch.testing.assert_close(one.best, same.best, rtol=1e-6, atol=1e-6)


def test_stopping_by_validation_ends_after_patience_epochs_without_a_better_one(stack: Stack):
    stack = replace(stack, settings=replace(SETTINGS, n_post=30, patience=2))
    with torch.random.fork_rng():
        origin, _ = pretrain_row(stack)
        whole = [torch.ones_like(origin, dtype=torch.bool)]
        (one,) = posttrain_rows(stack, origin, whole, [0], [0.1], stop_on="validation")
    epochs = [row for row in one.log if row["stage"] == "posttraining"]
    assert len(epochs) == one.stopping.best_epoch + 2 < 30


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_differentiate_lenet_as_torch_does_one_by_one(engine: str):
    torch.manual_seed(0)
    x, y = torch.randn(5, 2, 16, 16, dtype=torch.float64), torch.arange(5)
    task = PruningTask(lambda: LeNet(channels=2, size=16).double(), (x, y))
    models = [task.new_model() for _ in range(3)]
    stacked = stacked_network(task, engine)
    rows = torch.stack([stacked.layout.row(model.state_dict()) for model in models])
    gradients, losses, _ = stacked.gradients(rows, x, y, "float32")
    for model, gradient, loss in zip(models, gradients, losses, strict=True):
        alone = nn.functional.cross_entropy(model(x), y, reduction="none")
        alone.mean().backward()
        torch.testing.assert_close(loss, alone.detach())
        own = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        torch.testing.assert_close(gradient, stacked.layout.row(own), rtol=1e-9, atol=1e-12)


def test_half_precision_moves_the_gradient_far_less_than_the_choice_of_a_minibatch():
    torch.manual_seed(0)
    x, y = torch.randn(256, 1, 16, 16), torch.randint(10, (256,))
    task = PruningTask(lambda: LeNet(channels=1, size=16), (x, y))
    stacked = stacked_network(task, "conv-loop")
    row = stacked.layout.row(task.new_model().state_dict())[None]

    def gradient(part: slice, precision: str) -> Tensor:
        return stacked.gradients(row, x[part], y[part], precision)[0]  # type: ignore[arg-type]

    first, second = slice(0, 128), slice(128, 256)
    full = gradient(first, "float32")
    rounding = float((gradient(first, "bfloat16") - full).square().sum())
    choice = float((gradient(second, "float32") - full).square().sum()) / 2
    assert 0 < rounding < 0.02 * choice


@pytest.mark.parametrize("request_", [0.7, 0.92, {"0.weight": 5, "3.weight": 0}, None])
@pytest.mark.parametrize("scope", ["network", "layer"])
def test_a_cut_on_the_device_is_the_allocation_of_the_core_ties_and_minimum_included(
    request_: object, scope: str
):
    layout = layout_of(nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(9, 4)))
    rng = np.random.default_rng(0)
    scores = torch.from_numpy(rng.integers(0, 4, layout.width).astype(float))
    scores[layout.places()["3.weight"]] *= 0.01
    before = torch.from_numpy(rng.random(layout.width) < 0.8)
    before[[*range(27, 30), *range(66, 70)]] = True
    found = cut(layout, scores, before, request_, scope=scope, minimum=2)  # type: ignore[arg-type]
    masks, places = layout.masks(before), layout.places()
    given = {n: scores[places[n]].numpy().reshape(layout.shapes[n]) for n in layout.prunable}
    how: dict = {"threshold": 0.0} if request_ is None else {"counts": request_}
    if isinstance(request_, float):
        how = {"sparsity": request_, "scope": scope}
    expected = allocate(given, within=masks, minimum=2, **how)
    for name, kept in expected.masks.kept.items():
        np.testing.assert_array_equal(layout.masks(found.kept).kept[name], kept)
    rows = pd.DataFrame(list(found.layers))
    pd.testing.assert_frame_equal(rows, expected.counts()[rows.columns], check_dtype=False)


def test_a_ladder_reaches_every_sparsity_and_never_goes_back():
    for shares in ([0.5], [0.95, 0.98, 0.99], [0.6872, 0.95, 0.98, 0.99], [0.1, 0.2, 0.3]):
        found = ladder(shares, 10)
        assert list(found.levels) == sorted(found.levels)
        assert [found.levels[stop - 1] for stop in found.stops.values()] == shares
        assert found.stops[shares[-1]] == 10


def test_what_cannot_be_stacked_is_refused():
    with pytest.raises(ConfigurationError, match="batch normalisation or dropout"):
        layout_of(nn.Sequential(nn.Linear(2, 2), nn.Dropout()))
    with pytest.raises(ConfigurationError, match="vmap, or for LeNet"):
        stacked_network(TASK, "conv-loop")
    for criterion in (named("causal", momentum=True), named("secant")):
        with pytest.raises(ConfigurationError, match="prune_many"):
            Method("m", criterion)
    with pytest.raises(ConfigurationError, match="rewound"):
        Method("m", named("magnitude"), collecting="none")
    with pytest.raises(ConfigurationError, match="gradient descent"):
        Method("m", named("movement"), collecting="adam")
    for how, more in (("adam", 1), ("none", 1), ("sgd", -1)):
        with pytest.raises(ConfigurationError, match="0 unless it collects by 'sgd'"):
            Method("m", named("magnitude", at="rewound"), collecting=how, more=more)
    with pytest.raises(ConfigurationError, match="as many iterations"):
        ladder([0.5, 0.6], 1)


def test_a_fresh_minibatch_needs_a_second_one(stack: Stack):
    single = replace(stack.task, train=tuple(examples(16, 0)))
    origin = stack.network.layout.row(network().state_dict())
    with torch.random.fork_rng(), pytest.raises(ConfigurationError, match="two minibatches"):
        next(
            prune_chains(
                replace(stack, task=single), [Method("gain", named("gain"))], LADDER, origin
            )
        )


@pytest.mark.parametrize(
    "changes",
    [{"rewind": "none"}, {"structured": True}, {"n_more": 1}, {"excitation_spread": 2.0}],
)
def test_settings_that_stacks_do_not_follow_are_refused(stack: Stack, changes: dict[str, object]):
    with pytest.raises(ConfigurationError, match="use prune_many"):
        replace(stack, settings=replace(SETTINGS, **changes))


def test_methods_in_the_wrong_order_and_diverged_training_are_refused(stack: Stack):
    origin = stack.network.layout.row(network().state_dict())
    control = Method("c", named("random"), collecting="none", counts_of="lamp")
    with pytest.raises(ConfigurationError, match="stands behind"):
        next(prune_chains(stack, [control], LADDER, origin))
    fast = replace(stack, settings=replace(SETTINGS, collecting_rate=1e200))
    with torch.random.fork_rng(), pytest.raises(DataError, match="diverge"):
        next(prune_chains(fast, [Method("movement", named("movement"))], LADDER, origin))


def test_a_coarse_descent_is_recorded_as_it_was_made_beside_exact_losses_and_gradients():
    """Against a loop: changes are those of the weights, all else is of exact products."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(24, 1, 16, 16, generator=generator), torch.arange(24) % 10
    data = [(x[i : i + 8], y[i : i + 8]) for i in (0, 8, 16)]
    model = stacked_network(PruningTask(lambda: LeNet(channels=1, size=16), data), "conv-loop")
    rows = 0.1 * torch.randn(4, model.layout.width, generator=generator)
    pruned = torch.rand(rows.shape, generator=generator) < 0.3
    rows[pruned] = 0
    by_hand, squares, gained = rows.clone(), torch.zeros(rows.shape, dtype=torch.float64), 0
    losses = []
    for (inputs, targets), following in zip(data, [*data[1:], data[0]], strict=True):
        before = model.mean_losses(by_hand, inputs, targets, "float32")
        fresh = model.gradients(by_hand, *following, "float32")[0]
        coarse = model.gradients(by_hand, inputs, targets, "bfloat16")[0]
        change = -0.1 * coarse.masked_fill(pruned, 0)
        by_hand += change
        squares += change.double() ** 2
        gained += change[3].double() * fresh[3].double()
        after = model.mean_losses(by_hand, inputs, targets, "float32")
        losses.append(torch.stack([before, after]).double())
    kinds: tuple[Kind, ...] = ("same", "next", "moves", "fresh")
    recordings = [Recording(Asked(kind), slice(i, i + 1)) for i, kind in enumerate(kinds)]
    args = model, rows, pruned, [(slice(0, 4), SgdUpdate(0.1))], iter(data), "bfloat16"
    train_pass(*args, recordings, exact="float32")
    torch.testing.assert_close(rows, by_hand, rtol=0, atol=0)
    same, following, _, fresh = found = [recording.of_row(0) for recording in recordings]
    for row, record in enumerate(found):
        torch.testing.assert_close(record.sums["moved"], squares[row])
    before, after = torch.stack(losses, dim=1)
    torch.testing.assert_close(same.responses, (after - before)[:, 0], rtol=0, atol=0)
    torch.testing.assert_close(following.responses, before[:, 1].diff(), rtol=0, atol=0)
    torch.testing.assert_close(fresh.sums["fresh"], gained)
    exact = model.gradients(by_hand, *data[0], "float32")[0]
    assert not torch.equal(exact, model.gradients(by_hand, *data[0], "bfloat16")[0])


def test_collecting_follows_the_descent_and_ranks_and_judges_exactly(
    monkeypatch: pytest.MonkeyPatch,
):
    used: dict[str, set[object]] = {k: set() for k in ("followed", "exact", "judged", "ranked")}
    plainly_judged = Stack.judged

    def watched(*args: Any, exact: Precision | None = None) -> object:
        used["followed"].add(args[5])
        used["exact"].add(exact)
        return train_pass(*args, exact=exact)

    def judged(stack: Stack, rows: Tensor, precision: Precision, *names: str) -> object:
        used["judged"].add(precision)
        return plainly_judged(stack, rows, precision, *names)

    class Ranking:
        def __init__(self, network: StackedNetwork, rows: Tensor) -> None:
            self.network = network

        def gradients(self, rows: Tensor, x: Tensor, y: Tensor, precision: Precision) -> object:
            used["ranked"].add(precision)
            return self.network.gradients(rows, x, y, precision)

    monkeypatch.setattr(collecting, "train_pass", watched)
    monkeypatch.setattr(Stack, "judged", judged)
    monkeypatch.setattr(chains, "captured", Ranking)
    network = stacked_network(TASK)
    stack = Stack(TASK, network, SETTINGS, SEED, precision="tf32", descent="bfloat16")
    origin = network.layout.row(TASK.new_model().state_dict())
    later = Method("later", named("fisher", name="later"), more=1)
    rules = [Method("causal", named("causal")), later, Method("taylor", named("taylor"))]
    list(prune_chains(stack, rules, ladder([0.5], 1), origin))
    assert used["followed"] == {"bfloat16"}
    assert used["exact"] == {"tf32", None}  # nothing is recorded of epochs before
    assert used["judged"] == used["ranked"] == {"tf32"}
