"""Designs: what is crossed, what is held equal, how the rate scales, and in which order."""

from collections import Counter

import numpy as np
import pytest

from case_studies.batch_size import collect
from causalhyper.errors import ConfigurationError
from causalhyper.frames import KNOWN
from collectors.sweeps import (
    LearningRate,
    Protocol,
    equal_epochs,
    equal_updates,
    factorial,
    fixed_rate,
    scaled_rate,
    tuned_rate,
)
from collectors.sweeps.ordering import blocked_order

CALL = {"batch_size": (16, 32, 64), "n_train": 128, "learning_rate": 0.1}
CALL |= {"protocol": equal_epochs(4)}


def design(seed=range(4), **changes):
    return factorial(**(CALL | {"seed": seed} | changes))


def test_every_seed_meets_every_treatment_once():
    plan = design(
        dataset=("cora", "pubmed"),
        model=("gcn", "mlp"),
        optimizer=("sgd", "sam"),
        protocol=(equal_epochs(4), equal_updates(16)),
        factors={"weight_decay": (0.0, 5e-4)},
    )
    assert len(plan) == 4 * 3 * 2 * 2 * 2 * 2 * 2
    frame = plan.to_frame()
    names = ["dataset", "model", "optimizer", "design", "batch_size", "weight_decay", "seed"]
    assert (frame.groupby(names).size() == 1).all()
    assert frame["run_id"].is_unique
    assert set(frame.columns) - set(KNOWN) == {"weight_decay"}


def test_the_shipped_study_could_be_written_as_a_design():
    plan = factorial(
        batch_size=collect.BATCH_SIZES,
        seed=range(2),
        protocol=(equal_epochs(collect.EPOCHS), equal_updates(collect.UPDATES)),
        learning_rate=0.01,
        n_train=collect.N_TRAIN,
    )
    wanted = {(r.design, r.seed, r.batch_size): r.updates for r in collect.design(2)}
    assert {(r.design, r.seed, r.batch_size): r.updates for r in plan.runs} == wanted


def test_blocks_come_in_sequence_with_all_treatments_in_each():
    frame = design(seed=[7, 3, 5]).to_frame()
    assert frame["seed"].tolist() == [7] * 3 + [3] * 3 + [5] * 3
    assert frame["block"].tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert frame["order"].tolist() == list(range(9))
    assert all(sorted(g["batch_size"]) == [16, 32, 64] for _, g in frame.groupby("block"))


def test_each_order_within_a_block_is_equally_likely():
    # 6 orders in 6,000 blocks: each count is binomial(6000, 1/6), here within 4.5 sd
    order = blocked_order(3, [[seed] for seed in range(6000)], seed=1)
    treatments = [treatment for _, treatment in order]
    counts = Counter(tuple(treatments[i : i + 3]) for i in range(0, 18000, 3))
    assert len(counts) == 6
    bound = 4.5 * np.sqrt(6000 * 5 / 36)
    assert all(abs(count - 1000) < bound for count in counts.values())


def test_drift_in_time_does_not_confound_the_batch_size():
    # in the order of the levels, a linear drift would have correlation 0.99 with the treatment
    # within its block; here its mean over 400 blocks is 0 within 4.5 standard errors
    frame = design(seed=range(400)).to_frame()
    place = frame["order"] % 3 - 1
    level = np.log2(frame["batch_size"]) - 5
    per_block = (place * level).groupby(frame["block"]).mean()
    assert abs(per_block.mean()) < 4.5 * per_block.std() / 20


def test_the_order_follows_its_seed_and_further_seeds_leave_it_as_it_was():
    assert design().runs == design().runs
    assert design(order_seed=1).runs != design().runs
    assert design(seed=range(9)).runs[:12] == design().runs


def test_names_do_not_depend_on_the_other_levels():
    few = design(batch_size=(32,), seed=[3], factors={"rho": (0.05,)})
    many = design(factors={"rho": (0.05, 0.1)})
    assert few.runs[0].run_id == "equal_epochs-data-model-sgd-b0032-rho0.05-s003"
    assert few.runs[0].run_id in {run.run_id for run in many.runs}


def test_equal_epochs_and_equal_updates_hold_what_they_say():
    epochs = design().to_frame()
    assert (epochs["epochs"] == 4).all()
    assert (epochs["updates"] * epochs["batch_size"] == 4 * 128).all()
    updates = design(protocol=equal_updates(100)).to_frame()
    assert (updates["updates"] == 100).all()
    assert (updates["epochs"] == 100 * updates["batch_size"] / 128).all()


def test_epochs_are_equal_to_within_one_percent_where_batches_do_not_divide_the_examples():
    frame = design(n_train=50000, batch_size=(128, 1000), protocol=equal_epochs(3)).to_frame()
    assert set(frame["updates"]) == {1172, 150}
    assert (abs(frame["epochs"] / 3 - 1) < 0.01).all()
    with pytest.raises(ConfigurationError, match=r"1\.28 updates at batch size 100.*train longer"):
        design(batch_size=(100,), protocol=equal_epochs(1))


@pytest.mark.parametrize(
    ("rule", "rates"),
    [
        (0.1, [0.1, 0.1, 0.1]),
        (fixed_rate(0.1), [0.1, 0.1, 0.1]),
        (scaled_rate(0.1, "linear", at=32), [0.05, 0.1, 0.2]),
        (scaled_rate(0.1, "sqrt", at=16), [0.1, 0.1 * 2**0.5, 0.2]),
        (tuned_rate({16: 0.3, 32: 0.1, 64: 0.7}), [0.3, 0.1, 0.7]),
    ],
)
def test_the_learning_rate_follows_its_rule(rule, rates):
    runs = sorted(design(seed=[0], learning_rate=rule).runs, key=lambda run: run.batch_size)
    assert [run.learning_rate for run in runs] == pytest.approx(rates, rel=1e-15)


def test_optimisers_and_data_sets_have_rates_and_sizes_of_their_own():
    plan = design(
        optimizer=("sgd", "adam"),
        dataset=("a", "b"),
        learning_rate={"sgd": scaled_rate(0.1, "linear", at=16), "adam": 0.01},
        n_train={"a": 64, "b": 256},
    )
    for run in plan.runs:
        assert run.learning_rate == (
            0.01 if run.optimizer == "adam" else 0.1 * run.batch_size / 16
        )
        assert run.updates == 4 * {"a": 64, "b": 256}[run.dataset] / run.batch_size
    assert plan.protocols == (
        (
            "equal_epochs",
            "equal epochs (4), sgd: learning rate scaled with B (0.1 at B = 16); "
            "adam: fixed learning rate (0.01)",
        ),
    )


def test_the_sentence_of_a_protocol_declares_what_was_held_and_the_rate():
    plan = design(protocol=(equal_updates(9), equal_epochs(4)), learning_rate=fixed_rate(0.5))
    assert dict(plan.protocols) == {
        "equal_updates": "equal updates (9), fixed learning rate (0.5)",
        "equal_epochs": "equal epochs (4), fixed learning rate (0.5)",
    }


def test_cells_hold_the_seeds_of_one_treatment_in_one_block():
    plan = design(seed=range(5), seeds_per_block=2)
    cells = plan.cells()
    assert [run for cell in cells for run in cell] == list(plan.runs)
    assert [len(cell) for cell in cells] == [2] * 6 + [1] * 3
    assert all(len({run.treatment for run in cell}) == 1 for cell in cells)


def test_a_further_factor_is_read_by_its_name():
    run = design(factors={"rho": (0.1,)}).runs[0]
    assert run.factor("rho") == 0.1
    with pytest.raises(ConfigurationError, match=r"no factor 'width': the design has rho"):
        run.factor("width")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": ()}, "'batch_size' needs a sequence of levels, one at least"),
        ({"dataset": "cora"}, "'dataset' needs a sequence of levels.*got 'cora'"),
        ({"seed": [1, 1]}, "'seed' has a level twice"),
        ({"batch_size": (16, 0)}, "batch_size must be whole numbers of at least 1; got 0"),
        ({"batch_size": (16, 8.5)}, "batch_size must be whole numbers of at least 1; got 8.5"),
        ({"seed": [-1]}, "seed must be whole numbers of at least 0; got -1"),
        ({"batch_size": (256,)}, "batch size 256 exceeds the training set of 128"),
        ({"protocol": (equal_epochs(1), equal_epochs(2))}, "protocols of different kinds"),
        ({"protocol": ()}, "'protocol' needs a sequence of levels"),
        ({"protocol": ("equal",)}, r"made by equal_epochs\(\) or equal_updates\(\); got 'equal'"),
        ({"protocol": "equal epochs"}, "'protocol' needs a sequence of levels"),
        ({"batch_size": 16}, "'batch_size' needs a sequence of levels.*got 16"),
        ({"seed": 4}, "'seed' needs a sequence of levels.*got 4"),
        ({"factors": {"rho": 0.1}}, "'rho' needs a sequence of levels.*got 0.1"),
        ({"factors": {"rho": (None, 0.1)}}, "'rho' must be numbers or text; got None"),
        ({"factors": {"run_id": ("a", "b")}}, "'run_id' has that name in every design"),
        ({"factors": {"epochs": (1,)}}, "'epochs' has that name in every design"),
        ({"factors": {"rho": (0.1, 0.10000001)}}, "differ in their first six digits"),
        ({"learning_rate": {"adam": 0.1}}, "no learning rate is given for 'sgd'"),
        ({"n_train": {"cora": 64}}, "no training set is given for 'data'"),
        ({"learning_rate": tuned_rate({16: 0.1})}, "no learning rate is tuned for batch size 32"),
        ({"learning_rate": -0.1}, "positive finite learning rates"),
        ({"order_seed": -1}, "order_seed of at least 0"),
        ({"seeds_per_block": 0}, "at least 1 seed a block"),
    ],
)
def test_a_design_that_cannot_be_made_is_refused(changes, message):
    with pytest.raises(ConfigurationError, match=message):
        design(**changes)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Protocol("loss", 1),
        lambda: equal_updates(2.5),
        lambda: equal_epochs(0),
        lambda: LearningRate("cosine", 0.1),
        lambda: scaled_rate(0.1, "linear", at=0),
    ],
)
def test_a_protocol_or_rate_that_means_nothing_is_refused(make):
    with pytest.raises(ConfigurationError):
        make()


def test_levels_of_numpy_are_plain_numbers_in_the_frame():
    run = design(batch_size=np.array([16, 32]), seed=np.arange(2)).runs[0]
    assert type(run.batch_size) is int
    assert type(run.seed) is int
