"""The joined table: its parts are those of the tests alone, and its verdicts follow the rule."""

import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.choice import choose_by_count, choose_by_cross_validation
from causalhyper.granger.design import ArrayTrajectory, granger_design
from causalhyper.granger.lasso import DenseColumns
from causalhyper.granger.significance.layers import movement_increment
from causalhyper.granger.significance.report import Diagnosis, diagnose
from causalhyper.granger.significance.report.joining import loss_p_values
from causalhyper.granger.significance.report.result import TABLE
from causalhyper.granger.significance.report.verdict import Rule
from causalhyper.granger.significance.shifts import shift_test

FEW = {"pairs": 2, "reruns": 3, "draws": 40, "blocks": 8}
KEEP = partial(choose_by_count, kept=4)


def run(seed: int = 0, rows: int = 120) -> ArrayTrajectory:
    """`own` has entries that act beyond movement, `moves` goes with the loss, `idle` does not."""
    rng = np.random.default_rng(seed)
    moves = {name: rng.normal(size=(rows, 5, 4)) for name in ("own", "moves", "idle")}
    squares = {name: (each**2).reshape(rows, -1) for name, each in moves.items()}
    after = -squares["own"].sum(axis=1) - 4 * squares["moves"].sum(axis=1)
    after += -12 * squares["own"][:, :5].sum(axis=1) + 0.5 * rng.normal(size=rows)
    return ArrayTrajectory(moves, pd.DataFrame({"loss": 0.0, "loss_after": after}))


@pytest.fixture(scope="module")
def found() -> Diagnosis:
    return diagnose(run(), select=KEEP, rng=np.random.default_rng(1), **(FEW | {"draws": 199}))


def test_verdicts_tell_planted_layers_apart(found: Diagnosis) -> None:
    assert [found.reading(x.layer) for x in found.layers] == [
        "beyond movement",
        "movement",
        "no sign",
    ]
    own, moves, idle = found.summary().splitlines()[-3:]
    assert own.startswith("own: goes with the loss, tells more than movement (p = ")
    assert "its movement is needed beside the other layers" in moves
    assert idle.startswith("idle: no sign that it goes with the loss")
    assert moves.startswith("moves: goes with the loss, no sign that it tells more than movement")
    assert "; no sign that its movement is needed beside the other layers" in idle
    assert "% of the loss change [" in own


def test_a_layer_that_never_moved_is_named_and_left_out(found: Diagnosis) -> None:
    whole, zeros = run(), np.zeros((120, 3))
    still = replace(whole, changes={**whole.changes, "still": zeros})
    again = diagnose(still, select=KEEP, rng=np.random.default_rng(1), **(FEW | {"draws": 199}))
    assert again.to_frame().equals(found.to_frame())
    assert again.cautions == ("still never moved: nothing is said of it", *found.cautions)
    assert again.cautions[0] in again.summary()
    nothing = replace(whole, changes={"still": zeros})
    with pytest.raises(DataError, match=r"no layer moved \(still\)"):
        diagnose(nothing, rng=np.random.default_rng(1), **FEW)


def test_the_table_has_the_columns_asked_for_and_a_row_a_layer(found: Diagnosis) -> None:
    frame = found.to_frame()
    assert tuple(frame.columns) == TABLE
    assert frame["layer"].tolist() == ["own", "moves", "idle"]
    assert set(frame["group"]) == {"all"}
    assert frame["n"].tolist() == [20, 20, 20]
    assert frame["kept"].tolist() == [4, 4, 4]
    assert frame["null_expectation"].tolist() == [4, 4, 4]


def test_rows_of_entries_are_those_of_the_shift_test_and_of_the_selection(
    found: Diagnosis,
) -> None:
    frame = found.to_frame(entries=True).query("group != 'all'")
    # the draws that make up for the trend are those of the report's own stream
    stream = np.random.default_rng(1).spawn(5)[0]
    tested = shift_test(granger_design(run()), rng=stream).to_frame()
    both = frame.astype({"group": int}).merge(
        tested, left_on=["layer", "group"], right_on=["layer", "index"], suffixes=("", "_alone")
    )
    assert len(both) == len(frame)
    np.testing.assert_allclose(both["statistic"], both["statistic_alone"])
    np.testing.assert_allclose(both["q"], both["p_stepdown"])
    design = granger_design(run())["own"]
    kept = KEEP(design.columns, design.y).columns
    own = frame.query("layer == 'own' and kept == 1")
    assert own["group"].astype(int).tolist() == kept.tolist()
    assert ((frame["kept"] == 1) | (frame["q"] <= 0.05)).all()


def test_the_increment_is_that_of_movement_increment_whatever_draws_it_has(
    found: Diagnosis,
) -> None:
    alone = movement_increment(granger_design(run()), draws=9).to_frame().set_index("layer")
    joined = found.details().set_index("layer")
    pd.testing.assert_frame_equal(
        joined[["increment", "lower", "upper"]], alone[["increment", "lower", "upper"]]
    )


def test_r2_out_is_that_of_refits_to_what_comes_before(found: Diagnosis) -> None:
    design = granger_design(run())["own"]
    (_, x), y = next(iter(design.columns.blocks())), design.y
    x = x * design.columns.unit
    size, away, about = 120 // 6, 0.0, 0.0
    for start in range(20, 120, size):
        choice = KEEP(DenseColumns(x[:start]), y[:start])
        values = (
            choice.intercept + x[start : start + size][:, choice.columns] @ choice.coefficients
        )
        away += ((y[start : start + size] - values) ** 2).sum()
        about += ((y[start : start + size] - y[:start].mean()) ** 2).sum()
    assert found["own"].r2_out == pytest.approx(1 - away / about, rel=1e-6)


def test_layers_are_held_against_the_maximum_over_layers_of_each_rotation() -> None:
    tested = shift_test(granger_design(run()))
    p, q = loss_p_values(tested)
    kinds = []
    for number in (0, 1):
        values = np.stack([layer.of_layer()[number] for layer in tested.layers])
        scaled = (values - values[:, 1:].mean(axis=1)[:, None]) / values[:, 1:].std(axis=1)[
            :, None
        ]
        most = scaled[:, 1:].max(axis=0)
        ones = scaled[:, :1]
        kinds.append((1 + (most >= ones - 1e-5 * (1 + abs(ones))).sum(axis=1)) / 120)
    np.testing.assert_allclose(q, np.minimum(1, 2 * np.min(kinds, axis=0)))
    assert (q >= p).all()


def test_bytes_do_not_depend_on_workers() -> None:
    few = FEW | {"reruns": 1}
    design = granger_design(run(), layers="own")
    one, two = (
        diagnose(design, select=KEEP, rng=np.random.default_rng(1), workers=w, **few)
        for w in (1, 2)
    )
    pd.testing.assert_frame_equal(one.to_frame(entries=True), two.to_frame(entries=True))
    assert one.summary() == two.summary()


def test_units_momentum_and_several_trainings_are_diagnosed() -> None:
    units = diagnose(run(), share="output", rng=np.random.default_rng(1), **FEW)
    assert units.to_frame()["n"].tolist() == [5, 5, 5]
    assert "15 units" in units.summary()
    runs = granger_design([run(0), run(2, 90)], features="momentum")
    both = diagnose(runs, rng=np.random.default_rng(1), shifts=99, **FEW)
    assert "of 2 trainings" in both.summary()
    frame = both.to_frame(entries=True)
    assert frame.query("group == 'all'")["n"].tolist() == [20, 20, 20]
    assert frame.query("group != 'all'")["group"].astype(int).max() < 20


def test_one_layer_has_no_others_and_progress_ends_at_one() -> None:
    told: list[float] = []
    design = granger_design(run())["own"]
    alone = diagnose(design, rng=np.random.default_rng(1), progress=told.append, **FEW)
    assert "beside" not in alone.summary()
    assert np.isnan(alone["own"].q_others)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_a_selection_by_cross_validation_is_read_against_what_it_keeps_of_rotated_losses() -> None:
    select = partial(choose_by_cross_validation, blocks=2, lambdas=10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        design = granger_design(run(), layers="own")
        own = diagnose(design, select=select, rng=np.random.default_rng(1), **FEW)["own"]
    assert own.null_kept < own.kept
    assert own.null_r2_in < own.r2_in
    assert own.p_r2_in == 1 / 4


def test_the_figure_has_a_row_a_layer_under_its_reading(found: Diagnosis) -> None:
    texts = [tick.get_text() for tick in found.plot().get_yticklabels()]
    assert {"own", "moves", "idle"} <= set(texts)


def test_the_rule_needs_the_loss_and_a_positive_increment() -> None:
    rule = Rule(0.05)
    assert rule.reading(0.06, 0.01, 0.5) == "no sign"
    assert rule.reading(0.05, 0.05, 0.5) == "beyond movement"
    assert rule.reading(0.05, 0.06, 0.5) == "movement"
    assert rule.reading(0.05, 0.01, -0.1) == "movement"


def test_wrong_input_is_refused(found: Diagnosis) -> None:
    rng = np.random.default_rng(0)
    designs = granger_design(run())
    with pytest.raises(ConfigurationError, match="one layer"):
        diagnose(granger_design(run(), scope="network"), rng=rng)
    with pytest.raises(ConfigurationError, match="granger_design"):
        diagnose(designs, share="output", rng=rng)
    for wrong in ({"alpha": 0.0}, {"level": 1.0}, {"reruns": 0}, {"draws": 0}):
        with pytest.raises(ConfigurationError, match="expected alpha"):
            diagnose(designs, rng=rng, **wrong)
    with pytest.raises(ConfigurationError, match="no design"):
        diagnose({}, rng=rng)
    for seed in (3, None):
        with pytest.raises(ConfigurationError, match="rng must be a Generator"):
            diagnose(designs, rng=seed)
    with pytest.raises(ConfigurationError, match="PenaltyChoice"):
        diagnose(designs, rng=rng, select=lambda columns, y: np.array([0]))
    with pytest.raises(ConfigurationError, match="there are own, moves, idle"):
        found["nowhere"]
    with pytest.raises(ConfigurationError, match="q of at least p"):
        replace(found["own"], q=0.0)
