"""Graph runs of the batch-size study: each member is trained as if it were alone."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy

from case_studies.batch_size.graph_runs import __main__ as collector
from case_studies.batch_size.graph_runs import beginnings, stages
from case_studies.batch_size.graph_runs.design import Design, Trajectory
from case_studies.batch_size.graph_runs.minibatches import Minibatches, noise_factor
from case_studies.batch_size.graph_runs.rows import RUNS, TUNING
from case_studies.batch_size.graph_runs.scores import measure, score
from case_studies.batch_size.graph_runs.stages import Cell
from case_studies.batch_size.graph_runs.training import train
from causalhyper.errors import ConfigurationError
from collectors.complexity.margins import margins
from collectors.curvature.products import hessian_product
from collectors.curvature.sharpness import top_eigenvalue
from collectors.gcn import GCN
from collectors.node_runs import NodeRun, _spawn, _split
from collectors.noise.joint_losses import gradient_moments
from collectors.sam import SAM
from tests.collectors.graph_samples import small_graph

GRAPH = small_graph(60, unlabelled=3)
DESIGN = Design(
    batch_sizes=(4, 8, 16),
    n_train=32,
    n_validation=10,
    epochs=4,
    updates=12,
    cap=24,
    rates=(0.003, 0.01, 0.03),
    parts=8,
    hidden=5,
    heads=2,
    units=3,
    grid=(2, 3, 4, 6, 8, 12, 16, 24),
)
SEEDS = (0, 3)
CELL = Cell(GRAPH, "gcn", DESIGN, "cpu")


def plain(size, rate, *stops, arm="plain", noise_of=None, seeks=False):
    stops = tuple((stop, "equal_epochs") for stop in stops)
    return Trajectory(arm, size, rate, stops, seeks, noise_of or size)


def gcn(named):
    """One member as torch_geometric has it."""
    model = GCN(GRAPH.features.shape[1], DESIGN.hidden, GRAPH.classes)
    for name, layer in (("first", model.first), ("second", model.second)):
        layer.lin.weight.data = named[f"{name}.weight"].T.clone()
        layer.bias.data = named[f"{name}.bias"].clone()
    return model


def flattened(model):
    parts = [
        p.detach().T if p.ndim == 2 else p.detach()
        for layer in (model.first, model.second)
        for p in (layer.lin.weight, layer.bias)
    ]
    return torch.cat([p.reshape(-1) for p in parts])


def trained_alone(beginning, initial, trajectory, updates):
    """A plain loop over minibatches with torch's own optimiser."""
    model = gcn(initial)
    labels = GRAPH.labels[beginning.split.train]
    if trajectory.arm == "label_noise":
        labels = beginning.noisy
    options = {"lr": trajectory.rate, "weight_decay": DESIGN.weight_decay}
    if trajectory.arm == "sam":
        optimizer = SAM(model.parameters(), torch.optim.Adam, rho=DESIGN.rho, **options)
    else:
        optimizer = torch.optim.Adam(model.parameters(), **options)
    batches = minibatches(beginning.order, trajectory.batch_size)
    added = minibatches(beginning.second_order, trajectory.noise_of)
    factor = noise_factor(trajectory.batch_size, trajectory.noise_of, DESIGN.n_train)

    def closure(batch, noise):
        optimizer.zero_grad()
        logits = model(GRAPH.features, GRAPH.edges)[beginning.split.train]
        losses = cross_entropy(logits, labels, reduction="none")
        loss = losses[batch].mean()
        if trajectory.arm == "noise_added":
            loss = loss + factor * (losses[noise].mean() - losses.mean())
        loss.backward()
        return loss

    for _ in range(updates):
        batch = next(batches)
        noise = next(added) if trajectory.arm == "noise_added" else None
        optimizer.step(lambda b=batch, e=noise: closure(b, e))
    return model


def minibatches(order, size):
    for places in order.long():
        yield from places.argsort().view(-1, size)


@pytest.mark.parametrize("arm", ["mixed", "sam"])
def test_a_member_of_a_mixed_stack_is_what_torchs_adam_makes_of_it_alone(arm):
    mixed = [
        plain(16, 0.01, 9),
        plain(4, 0.03, 17),
        plain(8, 0.01, 17, arm="label_noise"),
        plain(16, 0.01, 12, arm="noise_added", noise_of=4),
    ]
    sharpness_aware = [plain(size, 0.01, stop, arm="sam") for size, stop in ((4, 17), (16, 9))]
    chosen = mixed if arm == "mixed" else sharpness_aware
    problem, _, begun = CELL.problem(SEEDS)
    course = train(problem, chosen, noise=False)
    assert len(course.snapshots) == len(chosen)
    for snapshot in course.snapshots:
        for place, beginning in enumerate(begun):
            initial = problem.layout.named(problem.initial[place])
            updates = int(snapshot.updates[place])
            alone = trained_alone(beginning, initial, snapshot.trajectory, updates)
            torch.testing.assert_close(
                snapshot.parameters[place], flattened(alone), atol=2e-5, rtol=1e-4
            )


def test_measuring_noise_and_other_members_leave_a_member_as_it_is():
    problem, _, _ = CELL.problem(SEEDS)
    one = train(problem, [plain(4, 0.01, 20)], noise=False).snapshots[0]
    among = train(problem, [plain(8, 0.03, 5), plain(4, 0.01, 20), plain(16, 0.01, 8)])
    torch.testing.assert_close(
        among.snapshots[-1].parameters, one.parameters, atol=1e-6, rtol=1e-5
    )


def test_added_noise_has_the_covariance_trace_of_the_small_minibatch_over_all_draws():
    n, large, small = 4, 2, 1
    orders = torch.tensor(list(itertools.permutations(range(n))), dtype=torch.int16)
    first = orders.repeat_interleave(len(orders), 0).unsqueeze(1)
    second = orders.repeat(len(orders), 1).unsqueeze(1)
    drawn = Minibatches(first, second, first)
    weights = drawn.weights([plain(large, 0.1, arm="noise_added", noise_of=small)], 0)[:, 0]
    gradients = torch.randn(n, 3, generator=torch.Generator().manual_seed(0))
    mean = gradients.mean(0)
    found = (weights @ gradients - mean).square().sum(1).mean()
    trace = (gradients - mean).square().sum() / (n - 1)
    assert weights.sum(1).sub(1).abs().max() < 1e-6
    assert found == pytest.approx(float(trace / small * (1 - small / n)), rel=1e-5)
    assert (weights @ gradients).mean(0) == pytest.approx(mean.numpy(), abs=1e-6)


def test_small_minibatches_accumulated_are_the_large_one_and_so_are_their_gradients():
    problem, _, _ = CELL.problem(SEEDS)
    small, large = plain(4, 0.01), plain(16, 0.01)
    for update in range(5):
        parts = [problem.minibatches.weights([small], 4 * update + k) for k in range(4)]
        whole = problem.minibatches.weights([large], update)
        torch.testing.assert_close(torch.stack(parts).mean(0), whole)
        leaves = problem.initial.unsqueeze(1).requires_grad_()
        losses, _ = problem.objective.node_losses(
            problem.layout.named(leaves), problem.labels.unsqueeze(1)
        )
        gradients = [
            torch.autograd.grad((losses * w).sum(), leaves, retain_graph=True)[0]
            for w in [*parts, whole]
        ]
        accumulated = torch.stack(gradients[:-1]).mean(0)
        torch.testing.assert_close(accumulated, gradients[-1], atol=1e-6, rtol=1e-5)


def test_every_pass_uses_each_example_once_and_minibatches_follow_the_order():
    problem, _, begun = CELL.problem(SEEDS)
    weights = torch.stack([problem.minibatches.weights([plain(8, 0.1)], k) for k in range(8)])
    for epoch in (weights[:4], weights[4:]):
        torch.testing.assert_close(epoch.sum(0) * 8, torch.ones(2, 1, 32))
    third = begun[1].order[1].long().argsort()[16:24]
    assert sorted(weights[6, 1, 0].nonzero().flatten().tolist()) == sorted(third.tolist())


def test_the_first_passage_is_the_first_update_at_or_below_the_target():
    problem, _, _ = CELL.problem(SEEDS)
    every = plain(8, 0.03, *range(25))
    losses = torch.stack(
        [
            problem.mean_losses(s.parameters.unsqueeze(1), problem.labels.unsqueeze(1))[1][:, 0]
            for s in train(problem, [every], noise=False).snapshots
        ]
    )
    target = float(losses[14].max())
    seeking = plain(8, 0.03, 12, seeks=True)
    course = train(problem, [seeking, plain(4, 0.01, 5)], target=target, noise=False)
    (found,) = [s for s in course.snapshots if s.designs == ("equal_loss",)]
    for place in range(2):
        first = int((losses[:, place] <= target).nonzero()[0])
        assert found.updates[place] == first
        assert found.reached[place]
        own = problem.mean_losses(found.parameters.unsqueeze(1), problem.labels.unsqueeze(1))
        assert float(own[1][place, 0]) <= target * (1 + 1e-6)


def test_a_target_out_of_reach_is_given_up_at_the_cap():
    problem, _, _ = CELL.problem(SEEDS)
    course = train(problem, [plain(8, 0.01, 12, 24, seeks=True)], target=1e-9, noise=False)
    (found,) = [s for s in course.snapshots if s.designs == ("equal_loss",)]
    assert found.updates.tolist() == [24, 24]
    assert not found.reached.any()
    (last,) = [s for s in course.snapshots if s.designs != ("equal_loss",) and s.updates[0] == 24]
    assert torch.equal(found.parameters, last.parameters)


def test_noise_of_single_examples_is_the_exact_covariance_trace():
    cell = Cell(GRAPH, "gcn", Design(**{**_fields(), "parts": 32, "grid": (0,)}), "cpu")
    problem, _, begun = cell.problem(SEEDS)
    course = train(problem, [plain(8, 0.01, 1), plain(16, 0.01, 1, arm="label_noise")])
    for (trajectory, _), (trace, squared, made) in course.moments.items():
        for place, beginning in enumerate(begun):
            model = gcn(problem.layout.named(problem.initial[place]))
            logits = model(GRAPH.features, GRAPH.edges)[beginning.split.train]
            labels = GRAPH.labels[beginning.split.train]
            labels = beginning.noisy if trajectory.arm == "label_noise" else labels
            losses = cross_entropy(logits, labels, reduction="none")
            wanted = gradient_moments(losses, tuple(model.parameters()))
            size = trajectory.batch_size
            assert trace[place] == pytest.approx(wanted.covariance_trace, rel=1e-4)
            assert squared[place] == pytest.approx(wanted.mean_norm_squared, rel=1e-4)
            noise = wanted.covariance_trace / size * (1 - size / 32)
            assert made[place] == pytest.approx(noise, rel=1e-4)


@pytest.mark.parametrize("size", [1, 16])
def test_noise_of_sharpness_aware_updates_of_no_radius_is_that_of_plain_ones(size):
    changes = {"parts": 32, "grid": (0,), "rho": 0.0, "batch_sizes": (size,)}
    problem, _, _ = Cell(GRAPH, "gcn", Design(**{**_fields(), **changes}), "cpu").problem(range(8))
    course = train(problem, [plain(size, 0.01, 1, arm="sam")])
    ((trace, _, made),) = course.moments.values()
    ratio = made / (trace / size * (1 - size / 32))
    if size == 1:
        assert ratio.numpy() == pytest.approx(1, rel=1e-4)
    else:  # 16 random halves of 8 seeds: a standard error of about 0.06
        assert ratio.mean() == pytest.approx(1, abs=0.3)


def _fields():
    return {name: getattr(DESIGN, name) for name in DESIGN.__slots__}


def test_a_fifth_of_the_labels_is_replaced_and_each_by_another_class():
    design = Design(**{**_fields(), "noisy_share": 0.25})
    for seed in range(5):
        begun = beginnings.begin(seed, GRAPH, design)
        changed = begun.noisy != GRAPH.labels[begun.split.train]
        assert int(changed.sum()) == 8
        assert begun.noisy.min() >= 0
        assert begun.noisy.max() < GRAPH.classes


def test_the_split_is_the_one_of_single_runs_and_nothing_of_it_depends_on_the_batch():
    run = NodeRun("equal_epochs", 3, 8, 4, hidden=5, n_train=32, n_validation=10)
    wanted = _split(GRAPH, run, _spawn(3)[0])
    begun = beginnings.begin(3, GRAPH, DESIGN)
    assert torch.equal(begun.split.train, wanted.train)
    assert torch.equal(begun.split.test, wanted.test)


def test_interactions_of_pignn_are_those_of_a_loop_over_neighbours_and_strangers():
    problem, _, begun = Cell(GRAPH, "pignn", DESIGN, "cpu").problem(SEEDS)
    flat = problem.initial.unsqueeze(1)
    losses, entropies = problem.objective.node_losses(
        problem.layout.named(flat), problem.labels.unsqueeze(1)
    )
    pairs = problem.objective.pairs
    for place, beginning in enumerate(begun):
        model = gcn(problem.layout.named(problem.initial[place]))
        z = model(GRAPH.features, GRAPH.edges).detach().double()
        train_nodes = beginning.split.train
        owners = pairs.owner.index - 32 * place
        height = problem.objective.field.second.matrix.shape[0] // 2
        far = (pairs.signs[:, 0] < 0) & (owners >= 0) & (owners < 32)
        for i, node in enumerate(train_nodes.tolist()):
            near = GRAPH.edges[0][GRAPH.edges[1] == node]
            others = pairs.other.index[far & (owners == i)] - height * place
            strangers = train_nodes[others]
            assert len(strangers) == len(near)
            assert not set(strangers.tolist()) & {node, *near.tolist()}
            terms = [
                -torch.nn.functional.logsigmoid(sign * z[nodes] @ z[node]).mean().item()
                for nodes, sign in ((near, 1), (strangers, -1))
                if len(nodes)
            ]
            wanted = DESIGN.interaction / 2 * sum(terms)
            assert float((losses - entropies)[place, 0, i]) == pytest.approx(wanted, abs=1e-5)


def test_scores_and_measures_are_those_of_single_networks():
    problem, whole, begun = CELL.problem(SEEDS)
    course = train(problem, [plain(8, 0.03, 20), plain(16, 0.03, 9, arm="label_noise")])
    measured = measure(problem, begun, course.snapshots)
    for snapshot, columns in zip(course.snapshots, measured, strict=True):
        scores = score(problem, whole, begun, snapshot)
        for place, beginning in enumerate(begun):
            model = gcn(problem.layout.named(snapshot.parameters[place]))
            logits = model(GRAPH.features, GRAPH.edges)
            split, labels = beginning.split, GRAPH.labels
            own = (
                beginning.noisy
                if snapshot.trajectory.arm == "label_noise"
                else labels[split.train]
            )
            loss = cross_entropy(logits[split.train], own)
            assert scores["train_loss"][place] == pytest.approx(loss.item(), rel=1e-5)
            right = (logits.argmax(1) == labels).double()
            assert scores["test_accuracy"][place] == pytest.approx(right[split.test].mean().item())
            wanted = margins(logits[split.train].detach(), own).median().item()
            assert scores["margin"][place] == pytest.approx(wanted, abs=1e-5)
            parameters = tuple(model.parameters())
            start = torch.randn(sum(p.numel() for p in parameters))
            top = top_eigenvalue(hessian_product(loss, parameters), start, tolerance=1e-4).value
            assert columns["sharpness"][place] == pytest.approx(top, rel=2e-2)
            moved = snapshot.parameters[place] - problem.initial[place]
            assert columns["distance"][place] == pytest.approx(float(moved.norm()), rel=1e-5)


def tuning_frame(accuracies):
    rows = [
        {
            "seed": seed,
            "batch_size": size,
            "learning_rate": np.float32(rate),
            "validation_accuracy": accuracies[size][k] + 0.01 * seed,
            "train_loss": 0.5 + seed if (size, rate) == (16, 0.01) else 9.0,
        }
        for seed in (0, 1)
        for size in DESIGN.batch_sizes
        for k, rate in enumerate(DESIGN.rates)
    ]
    return pd.DataFrame(rows)


def test_the_tuned_rate_has_the_best_mean_validation_accuracy_and_edges_are_told():
    frame = tuning_frame({4: (0.1, 0.2, 0.1), 8: (0.3, 0.2, 0.1), 16: (0.1, 0.2, 0.2)})
    rates, edges = stages.tuned_rates(frame, DESIGN)
    assert rates == {4: 0.01, 8: 0.003, 16: 0.01}
    assert edges == {4: False, 8: True, 16: False}
    assert stages.loss_target(frame, DESIGN) == pytest.approx(1.0)


def collect(out, model="gcn", design=DESIGN):
    cell = Cell(GRAPH, model, design, "cpu")
    collector.collect(cell, out, range(2), range(1000, 1002))
    collector.join(out, design)
    return [(out / name).read_bytes() for name in ("graphs.parquet", "graph_tuning.parquet")]


@pytest.fixture
def timed(monkeypatch):
    def alone(cell):
        keys = itertools.product(DESIGN.batch_sizes, (False, True))
        rows = [{"batch_size": size, "sam": sam, "seconds": 0.5} for size, sam in keys]
        return pd.DataFrame(rows).assign(dataset=cell.graph.name, model=cell.model)

    monkeypatch.setattr(collector, "alone", alone)


@pytest.mark.usefixtures("timed")
def test_a_killed_collection_goes_on_to_the_bytes_of_one_without_a_stop(tmp_path, monkeypatch):
    changes = {"epochs": 1, "updates": 3, "cap": 4, "batch_sizes": (8, 16), "parts": 4}
    design = Design(**{**_fields(), **changes})
    whole = collect(tmp_path / "whole", design=design)
    assert collect(tmp_path / "again", design=design) == whole
    run = collector.run

    def killed(cell, seeds, tuning, stage, told):
        if stage == "sam":
            raise KeyboardInterrupt
        return run(cell, seeds, tuning, stage, told)

    monkeypatch.setattr(collector, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        collect(tmp_path / "killed", design=design)
    assert len(list((tmp_path / "killed").iterdir())) == 2
    monkeypatch.setattr(collector, "run", run)
    monkeypatch.setattr(collector, "tune", None)  # is not called again
    assert collect(tmp_path / "killed", design=design) == whole
    with pytest.raises(ConfigurationError, match="holds seeds 0 to 1"):
        collector.collect(CELL, tmp_path / "whole", range(3), range(1000, 1002))


@pytest.mark.usefixtures("timed")
@pytest.mark.parametrize("model", ["gat", "pignn"])
def test_frames_have_a_row_for_every_seed_and_stopping_time(model, tmp_path):
    collect(tmp_path, model)
    runs = pd.read_parquet(tmp_path / "graphs.parquet")
    assert tuple(runs.columns) == tuple(RUNS)
    assert tuple(pd.read_parquet(tmp_path / "graph_tuning.parquet").columns) == tuple(TUNING)
    assert runs["run_id"].is_unique
    assert not runs.isna().any().any()
    counts = runs.groupby(["arm", "design"]).size().to_dict()
    both = ("equal_epochs", "equal_updates")
    wanted = {(arm, design): 6 for arm in ("plain", "label_noise", "sam") for design in both}
    wanted |= {("plain", "equal_loss"): 6, ("plain", "tuned"): 6}
    wanted |= {(arm, d): 2 for arm in ("noise_added", "noise_removed") for d in both}
    assert counts == wanted
    removed = runs[(runs["arm"] == "noise_removed") & (runs["design"] == "equal_epochs")]
    assert set(removed["batch_size"]) == {4}
    assert set(removed["noise_of"]) == {16}
    assert set(removed["updates"]) == {32}
    assert set(removed["epochs"]) == {16.0}
    assert removed["seconds"].tolist() == [32 * 4 * 0.5] * 2
    plain_runs = runs[runs["arm"] == "plain"]
    noise = plain_runs["example_noise"] / plain_runs["batch_size"]
    noise *= 1 - plain_runs["batch_size"] / 32
    assert plain_runs["grad_noise"].to_numpy() == pytest.approx(noise.to_numpy(), rel=1e-5)


def test_stacks_of_two_trajectories_give_the_rows_of_one_stack_of_all():
    one, two = (Cell(GRAPH, "gcn", DESIGN, "cpu", size) for size in (64, 2))
    tuned = stages.tune(one, SEEDS)
    pd.testing.assert_frame_equal(stages.tune(two, SEEDS), tuned, rtol=1e-4)
    rows = [stages.run(cell, SEEDS, tuned, "runs").set_index("run_id") for cell in (one, two)]
    assert set(rows[0].index) == set(rows[1].index)
    columns = ["updates", "train_loss", "grad_noise", "weight_norm"]
    pd.testing.assert_frame_equal(rows[1].loc[rows[0].index, columns], rows[0][columns], rtol=1e-3)


def test_seeds_of_the_study_may_not_be_those_of_the_tuning(tmp_path):
    with pytest.raises(ConfigurationError, match="must not be among"):
        collector.collect(CELL, tmp_path, range(3), range(2, 4))
    assert not list(tmp_path.iterdir())


def test_a_design_refuses_partial_batches_and_a_grid_without_the_fixed_rate():
    with pytest.raises(ConfigurationError, match="partial batch"):
        Design(batch_sizes=(16, 100))
    with pytest.raises(ConfigurationError, match="fixed rate"):
        Design(rates=(0.1,))


def test_quarters_of_all_budgets_are_on_the_grid_of_noise():
    design = Design()
    for updates in {*map(design.budget, design.batch_sizes), design.updates, design.cap}:
        assert {updates // 4, updates // 2, 3 * updates // 4} <= set(design.grid)
    assert math.isclose(design.rates[0], 10**-3.5)
