"""Prunings of a large network one after another are those that prune alone makes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.criteria import named
from collectors.deep_pruning import (
    Chain,
    Progress,
    Subject,
    Trained,
    first_links,
    make_subject,
    next_link,
    posttrain,
    pretrain_state,
    prunings_of,
)
from collectors.ensembles.pruning import Method, Pruning, ladder
from collectors.networks import AlexNet, ResNet18
from collectors.pruning import PruningSettings, PruningTask, prune
from collectors.pruning.pruned import Pruned

SEED = 3
SETTINGS = PruningSettings(
    n_pre=2, n_iter=3, n_prune=2, n_post=3, collecting_rate=1e-2, learning_rate=5e-3
)
LADDER = ladder([0.6, 0.8], 3)


class Small(nn.Module):
    """A residual block with batch normalisation, and dropout before the last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(16, 3)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x)).relu()
        x = (x + self.bn2(self.conv2(x))).relu()
        found: Tensor = self.fc(self.dropout(nn.functional.avg_pool2d(x, 3).flatten(1)))
        return found


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


TASK = PruningTask(Small, Shuffled(*examples(72, 0)), examples(50, 1), examples(60, 2))


def screened(statistic: str) -> Method:
    name = f"causal-{statistic}"
    return Method(name, named("causal", statistic=statistic, name=name))


METHODS = (
    screened("covariance"),
    screened("correlation"),
    screened("marginal"),
    Method("next", named("causal", statistic="marginal", response="next", name="next")),
    Method("shifted", named("causal-shifted", criterion="causal", shift=2, name="shifted")),
    Method("movement", named("movement")),
    Method("fisher", named("fisher")),
    Method("gain", named("gain")),
    Method("magnitude", named("magnitude", at="rewound"), collecting="none"),
    Method("uniform", named("magnitude", name="uniform"), scope="layer"),
    Method("lamp", named("lamp")),
    Method("taylor", named("taylor", minibatches=7)),
    Method("obd", named("obd", minibatches=7)),
    Method("random", named("random"), collecting="none"),
    Method("later", named("magnitude", name="later"), collecting="adam"),
    Method("random at", named("random", name="random at"), collecting="none", counts_of="fisher"),
    Method("woodfisher", named("woodfisher", minibatches=7, block=5)),
)
ALONE = [m.name for m in METHODS if m.collecting != "adam"]
Found = dict[str, Chain]


def method_of(name: str) -> Method:
    return next(m for m in METHODS if m.name == name)


@pytest.fixture(scope="module")
def subject() -> Subject:
    return make_subject(TASK, SETTINGS, SEED)


@pytest.fixture(scope="module")
def origin(subject: Subject) -> dict[str, Tensor]:
    return dict(pretrain_state(subject)[0])


@pytest.fixture(scope="module")
def chains(subject: Subject, origin: dict[str, Tensor]) -> Found:
    collecting = [m for m in METHODS if m.collecting != "none"]
    found = {chain.method: chain for chain in first_links(subject, collecting, LADDER, origin)}
    for method in METHODS:
        chain = found.get(method.name)
        while chain is None or chain.iteration < len(LADDER.levels):
            owner = found.get(method.counts_of or "")
            chain = next_link(subject, method, chain, LADDER, origin, owner=owner)
        found[method.name] = chain
    return found


def alone(method: Method, target: float, chains: Found) -> Pruned:
    stop = LADDER.stops[target]
    way: list = list(LADDER.levels[:stop])
    if method.counts_of is not None:
        way = [chains[method.counts_of].counts(i) for i in range(1, stop + 1)]
    settings = replace(SETTINGS, n_iter=stop, scope=method.scope)
    rule = method.criterion
    return prune(TASK, criterion=rule, sparsity=way, seed=SEED, settings=settings, quiet=True)


def pruning_of(chain: Chain, target: float) -> Pruning:
    return next(p for p in prunings_of(chain, LADDER) if p.target == target)


@pytest.mark.parametrize("target", LADDER.stops)
@pytest.mark.parametrize("name", ALONE)
def test_a_network_with_normalisation_and_dropout_is_pruned_as_prune_alone_does(
    name: str, target: float, subject: Subject, chains: Found, origin: dict[str, Tensor]
):
    method = next(m for m in METHODS if m.name == name)
    expected = alone(method, target, chains)
    pruning = pruning_of(chains[name], target)
    masks = subject.layout.masks(pruning.kept)
    for layer, kept in expected.masks.kept.items():
        np.testing.assert_array_equal(masks.kept[layer], kept, layer)
    ours = pd.DataFrame(pruning.layers)[expected.layers.columns[3:]]
    theirs = expected.layers.iloc[:, 3:].reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)
    trained = posttrain(subject, origin, pruning.kept, iteration=LADDER.stops[target])
    for layer, weights in expected.model.state_dict().items():
        np.testing.assert_allclose(trained.best[layer], weights, rtol=1e-9, atol=1e-12)
    final, last = pd.Series(trained.log[-1]), expected.log.iloc[-1]
    for column in ("epoch", "sparsity", "train_loss", "validation_accuracy", "test_loss"):
        np.testing.assert_allclose(final[column], last[column], rtol=1e-9)


def test_the_log_of_collecting_has_the_rows_of_prune(chains: Found):
    expected = alone(METHODS[0], 0.8, chains).log
    ours = pd.DataFrame(chains["causal-covariance"].log)
    columns = ["iteration", "stage", "epoch", "sparsity", "train_loss", "validation_loss"]
    theirs = expected[expected["stage"].isin(["collecting", "pruned"])][columns]
    pd.testing.assert_frame_equal(
        ours[columns], theirs.reset_index(drop=True), check_dtype=False, rtol=1e-9
    )


def test_magnitude_later_ranks_after_more_epochs_of_adam(
    subject: Subject, chains: Found, origin: dict[str, Tensor]
):
    model = TASK.new_model()
    model.load_state_dict(origin)
    adam = torch.optim.Adam(model.parameters(), lr=SETTINGS.learning_rate)
    model.train()
    for epoch in (1, 2):
        for x, y in subject.epoch("collecting", 1, epoch, TASK.train):
            adam.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            adam.step()
    weights = subject.layout.row(model.state_dict()).abs()
    count = sum(chains["later"].counts(1).values())
    bound = weights.sort(descending=True).values[count - 1]
    first = next_link(subject, method_of("later"), None, LADDER, origin)
    assert torch.equal(first.kept, weights >= bound)
    longer = next_link(subject, method_of("later"), None, LADDER, origin, later=5)
    assert not torch.equal(longer.kept, first.kept)
    assert sum(row["stage"] == "collecting" for row in longer.log) == 5


def same(one: Trained, other: Trained) -> None:
    for name, value in one.best.items():
        assert torch.equal(value, other.best[name])
    for a, b in zip(one.log, other.log, strict=True):
        assert {**a, "seconds": 0} == pytest.approx({**b, "seconds": 0}, nan_ok=True, abs=0)


def test_posttraining_goes_on_from_any_epoch_to_the_same_weights(
    subject: Subject, chains: Found, origin: dict[str, Tensor]
):
    kept = pruning_of(chains["fisher"], 0.8).kept
    seen: list[Progress] = []

    def saved(now: Progress) -> None:
        state = {k: v.clone() for k, v in now.state.items()}
        moments = {
            "state": {
                k: {n: v.clone() for n, v in s.items()} for k, s in now.optimizer["state"].items()
            },
            "param_groups": now.optimizer["param_groups"],
        }
        seen.append(replace(now, state=state, optimizer=moments))

    whole = posttrain(subject, origin, kept, iteration=3, saved=saved)
    assert [now.epoch for now in seen] == [1, 2, 3]
    for now in seen:
        same(posttrain(subject, origin, kept, iteration=3, progress=now), whole)


def test_posttraining_stops_by_the_validation_data_when_asked(subject: Subject, chains: Found):
    long = replace(subject, settings=replace(SETTINGS, n_post=40, patience=1))
    kept = pruning_of(chains["random"], 0.8).kept
    origin = pretrain_state(long)[0]
    log = posttrain(long, origin, kept, stop_on="validation").log
    final = log[-1]
    assert final["epoch"] == len(log) - 2
    assert final["validation_accuracy"] == max(row["validation_accuracy"] for row in log[:-1])


def test_the_minimum_of_a_layer_is_kept(subject: Subject, origin: dict[str, Tensor]):
    magnitude = next(m for m in METHODS if m.name == "magnitude")
    way = ladder([0.8], 1)
    alone = next_link(subject, magnitude, None, way, origin).counts(1)
    least = min(alone.values()) + 5
    held = replace(subject, settings=replace(SETTINGS, minimum=least))
    counts = next_link(held, magnitude, None, way, origin).counts(1)
    assert min(counts.values()) == least
    assert sum(counts.values()) == sum(alone.values())


def test_what_needs_every_step_is_refused(subject: Subject, origin: dict[str, Tensor]):
    fitted = Method("causal-lasso", named("causal-lasso"))
    later = Method("later", named("movement"), more=1)
    for method in (fitted, later):
        with pytest.raises(ConfigurationError, match="prune_many"):
            next_link(subject, method, None, LADDER, origin)
    with pytest.raises(ConfigurationError, match="owner"):
        next_link(subject, method_of("random at"), None, LADDER, origin)
    whole = replace(TASK, train=examples(50, 0))
    alone = make_subject(whole, SETTINGS, SEED)
    with pytest.raises(ConfigurationError, match="two minibatches"):
        next_link(alone, method_of("gain"), None, LADDER, origin)
    with pytest.raises(ConfigurationError, match="prune_many"):
        make_subject(TASK, replace(SETTINGS, structured=True))


def test_a_rule_that_chooses_how_many_ends_where_prune_does_and_its_control_with_its_counts(
    subject: Subject, origin: dict[str, Tensor]
):
    rule = named("causal-published", form="sums", l1=3e-9, name="exact")
    exact = Method("exact", rule, scope="layer", free=True)
    random = named("random", name="control")
    control = Method("control", random, collecting="none", counts_of="exact")
    own, other = None, None
    for _ in LADDER.levels:
        own = next_link(subject, exact, own, LADDER, origin)
        other = next_link(subject, control, other, LADDER, origin, owner=own)
    settings = replace(SETTINGS, scope="layer", minimum=0)
    alone = prune(TASK, criterion=rule, sparsity=None, seed=SEED, settings=settings, quiet=True)
    (left,), (chance,) = (prunings_of(chain, LADDER) for chain in (own, other))
    assert left.target is None
    assert 0 < int(left.kept.sum()) < subject.layout.entries
    for name, kept in alone.masks.kept.items():
        np.testing.assert_array_equal(subject.layout.masks(left.kept).kept[name], kept)
    counts = [subject.layout.masks(each.kept).layer_counts() for each in (left, chance)]
    assert counts[0] == counts[1]
    assert not torch.equal(left.kept, chance.kept)
    assert pd.DataFrame(left.layers)["iteration"].max() == len(LADDER.levels)


def test_training_that_diverges_while_collecting_is_an_error(origin: dict[str, Tensor]):
    wild = make_subject(TASK, replace(SETTINGS, collecting_rate=1e30), SEED)
    with pytest.raises(DataError, match="diverged"):
        next_link(wild, METHODS[0], None, LADDER, origin)


def test_bfloat16_and_channels_last_change_losses_by_rounding_alone():
    x = torch.randn(16, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    data = (x, torch.arange(16) % 10)
    task = PruningTask(lambda: ResNet18(width=4), train=data, validation=data)
    plain = make_subject(task, SETTINGS, SEED)
    rounded = make_subject(task, SETTINGS, SEED, fast="bfloat16", channels_last=True)
    for each in (plain, rounded):
        each.load(plain.first_state())
    assert rounded.model.conv1.weight.is_contiguous(memory_format=torch.channels_last)
    kept = torch.rand(plain.layout.width) < 0.5
    for mask, name in zip(rounded.masks(kept).values(), plain.layout.prunable, strict=True):
        assert torch.equal(mask, plain.masks(kept)[name])
    losses = [each.judged("validation", each.fast).loss for each in (plain, rounded)]
    assert losses[0] != losses[1] == pytest.approx(losses[0], rel=0.02)


def test_a_compiler_that_fails_leaves_the_network_as_it_is(monkeypatch: pytest.MonkeyPatch):
    class Broken(nn.Module):
        def __init__(self, inner: nn.Module, **_: object) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("no compiler here")

    monkeypatch.setattr(torch, "compile", Broken)
    with pytest.warns(UserWarning, match="no compiler here"):
        found = make_subject(TASK, SETTINGS, SEED, compiled=True)
    expected = make_subject(TASK, SETTINGS, SEED)
    for each in (found, expected):
        each.load(expected.first_state())
    assert found.judged("test", "float32") == expected.judged("test", "float32")


def test_minibatches_of_another_shape_than_the_first_are_not_compiled(
    monkeypatch: pytest.MonkeyPatch,
):
    shapes: list[torch.Size] = []

    class Watched(nn.Module):
        def __init__(self, inner: nn.Module, *, dynamic: bool, options: object) -> None:
            super().__init__()
            assert not dynamic
            assert options == {"fallback_random": True}
            self.inner = inner

        def forward(self, x: Tensor) -> Tensor:
            shapes.append(x.shape)
            found: Tensor = self.inner(x)
            return found

    monkeypatch.setattr(torch, "compile", Watched)
    x, y = examples(20, 0)
    data = [(x[:8], y[:8]), (x[8:16], y[8:16]), (x[16:], y[16:])]
    found = make_subject(replace(TASK, train=data), SETTINGS, SEED, compiled=True)
    shapes.clear()
    seen = found.judged("train", "float32")
    assert [shape[0] for shape in shapes] == [8, 8]
    plain = make_subject(replace(TASK, train=data), SETTINGS, SEED)
    plain.load(found.state())
    assert seen == plain.judged("train", "float32")


def test_the_networks_of_the_paper_can_be_laid_out():
    with torch.device("meta"):
        for model, prunable in ((ResNet18(), 11_164_352), (AlexNet(), 57_035_456)):
            subject = make_subject(PruningTask(lambda m=model: m, examples(2, 0)), SETTINGS)
            assert subject.layout.width == prunable
