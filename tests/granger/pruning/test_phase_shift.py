"""Transitions of accuracy: closed forms, what is not identified, and seeds."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.pruning.phase_shift import phase_shift
from causalhyper.granger.pruning.transition import fit_transition, to_sparsity, to_x
from tests.granger.pruning.simulated import EXACT, LEVELS, Truth, draw_runs

SHARP, SMOOTH = Truth(point=0.96, width=0.08), Truth(point=0.98, width=0.16)
BOTH = {"causal": SHARP, "magnitude": SMOOTH}


def shoulder(truth, levels):
    """From 90% to half of the fall from the first level, by straight lines between levels."""
    levels = sorted(levels)
    x = to_x(np.array(levels), "kept")
    y = truth.accuracy(np.array(levels))
    share = (y - truth.floor) / (y[0] - truth.floor)
    start, half = np.interp([-0.9, -0.5], -share, x)
    return half - start


def draw(truths=BOTH, seed=0, **options):
    return draw_runs(truths, np.random.default_rng(seed), **options)


def row(found, quantity, method="causal", against=""):
    frame = found.to_frame().set_index(["method", "against", "quantity"])
    return frame.loc[(method, against, quantity)]


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0.3, 0.99),
    st.floats(0.0, 0.2),
    st.floats(0.9, 2.4),
    st.floats(0.06, 0.4),
)
def test_a_logistic_fall_without_noise_is_recovered(top, floor, middle, width):
    x = to_x(np.array([0.0, *LEVELS, 0.9995]), "kept")
    y = floor + (top - floor) / (1 + np.exp((x - middle) / width))
    curve = fit_transition(x, y, np.ones(len(x)))
    np.testing.assert_allclose(
        [curve.top, curve.floor, curve.middle, curve.width],
        [top, floor, middle, width],
        rtol=1e-6,
        atol=1e-7,
    )


def test_point_and_widths_without_noise_are_those_of_the_curve():
    levels = (*LEVELS, 0.96, 0.985)
    found = phase_shift(draw(levels=levels, **EXACT))
    half = {method: shoulder(truth, levels) for method, truth in BOTH.items()}
    ends = -np.log10(1 - SHARP.point) + np.array([-1, 1]) * np.log(9) * SHARP.width
    expected = {
        "point": SHARP.point,
        "width_decades": SHARP.decades,
        "shoulder_decades": half["causal"],
        "width_points": float(np.diff(1 - 10.0**-ends)[0]),
        "top": 0.7,
        "floor": 0.1,
        "width_decades_alone": SHARP.decades,
    }
    for quantity, value in expected.items():
        assert row(found, quantity)["estimate"] == pytest.approx(value, rel=1e-6)
        assert row(found, quantity)["se"] == pytest.approx(0, abs=1e-6)
    against = {"point_difference": -0.02, "width_decades_ratio": 0.5}
    against["shoulder_decades_ratio"] = half["causal"] / half["magnitude"]
    for quantity, value in against.items():
        assert row(found, quantity, against="magnitude")["estimate"] == pytest.approx(value)


def test_the_shoulder_follows_the_levels_and_no_curve():
    kept = np.array([1.0, 0.1, 0.05, 0.02, 0.01, 0.005])
    accuracy = np.array([0.7, 0.7, 0.6, 0.5, 0.3, 0.25])  # of a fall of 0.6: 0.64 and 0.4
    frame = pd.concat(
        pd.DataFrame({"method": "causal", "seed": s, "sparsity": 1 - kept, "test_accuracy": a})
        for s, a in enumerate((accuracy, accuracy))
    )
    found = row(phase_shift(frame, floor=0.1), "shoulder_decades")
    start, half = 1 + 0.6 * np.log10(2), np.log10(50) + 0.5 * np.log10(2)
    assert found["estimate"] == pytest.approx(half - start)
    assert found["reason"] == ""


def test_accuracy_has_fallen_by_a_tenth_and_nine_tenths_at_the_ends_of_the_width():
    x = np.linspace(0, 3, 12)
    curve = fit_transition(x, SHARP.accuracy(to_sparsity(x, "kept")), np.ones(12))
    np.testing.assert_allclose(curve(np.array(curve.ends)), [0.64, 0.16], rtol=1e-6)


def test_on_the_scale_of_shares_pruned_the_fall_is_logistic_in_them():
    share = np.linspace(0.5, 0.99, 12)
    y = 0.1 + 0.5 / (1 + np.exp((share - 0.8) / 0.03))
    frame = pd.DataFrame({"method": "a", "seed": 0, "sparsity": share, "test_accuracy": y})
    found = phase_shift(frame, scale="pruned")
    assert row(found, "point", "a")["estimate"] == pytest.approx(0.8, rel=1e-6)
    width = 2 * np.log(9) * 0.03
    assert row(found, "width_points", "a")["estimate"] == pytest.approx(width, rel=1e-6)
    decades = np.log10((1 - 0.8 + width / 2) / (1 - 0.8 - width / 2))
    assert row(found, "width_decades", "a")["estimate"] == pytest.approx(decades, rel=1e-6)


def test_intervals_are_those_of_pseudo_values_that_leave_each_seed_out():
    frame = draw(seeds=5)
    point = row(phase_shift(frame), "point")

    def middle(rows):
        x = to_x(rows["sparsity"].to_numpy(), "kept")
        return fit_transition(x, rows["test_accuracy"].to_numpy(), np.ones(len(x))).middle

    own = frame[frame["method"] == "causal"]
    whole = middle(own)
    left = np.array([middle(own[own["seed"] != s]) for s in range(5)])
    se = np.sqrt(4 / 5 * ((left - left.mean()) ** 2).sum())
    half = stats.t.ppf(0.975, 4) * se
    ends = 1 - 10.0 ** -np.array([whole - half, whole + half])
    np.testing.assert_allclose([point["lower"], point["upper"]], ends, rtol=1e-7)


def test_differences_leave_the_same_seed_out_of_both_methods():
    # what shifts both methods of a seed alike widens neither difference
    frames = []
    for seed, shift in enumerate((-0.2, 0.0, 0.05, 0.15)):
        for name, truth in BOTH.items():
            y = truth.accuracy(LEVELS, shift)
            frames.append(
                pd.DataFrame({"sparsity": LEVELS, "test_accuracy": y, "seed": seed}).assign(
                    method=name
                )
            )
    found = phase_shift(pd.concat(frames))
    assert row(found, "width_decades")["se"] > 0.05
    ratio = row(found, "width_decades_ratio", against="magnitude")
    assert (
        ratio["upper"] / ratio["lower"]
        < row(found, "width_decades")["upper"] / row(found, "width_decades")["lower"]
    )
    # the pooled curve mixes the spread of points into its width; a seed alone does not
    assert row(found, "width_decades_alone")["estimate"] == pytest.approx(SHARP.decades)
    assert row(found, "width_decades")["estimate"] > 1.05 * SHARP.decades


def test_the_sharper_and_later_method_is_told():
    said = phase_shift(draw(), baseline="magnitude").summary()
    assert "causal against magnitude: point -" in said
    assert ": earlier" in said
    assert ": sharper" in said
    assert "A sharp fall is no proof of a better subset" in said


def test_a_late_fall_may_be_sharper_in_points_and_smoother_in_decades():
    late = Truth(point=0.995, width=0.16)
    found = phase_shift(draw({"early": Truth(point=0.9, width=0.1), "late": late}))
    said = found.summary()
    assert row(found, "width_decades_ratio", "early", "late")["upper"] < 1
    assert row(found, "width_points_ratio", "early", "late")["lower"] > 1
    assert "which is sharper depends on the scale" in said


def reasons(frame, **options):
    found = phase_shift(frame, **options)
    rows = found.to_frame()
    rows = rows[rows["against"] == ""].set_index(["method", "quantity"])
    assert (rows["reason"].ne("") | rows["estimate"].notna()).all()
    return rows["reason"]


@pytest.mark.parametrize(
    ("levels", "options", "point", "width", "shoulder"),
    [
        (
            (0.5, 0.8, 0.9, 0.92, 0.94),
            {},
            *["not fall half way between 50% and 94%"] * 3,
        ),
        ((0.5, 0.8, 0.9, 0.95, 0.965), {}, *["the floor is not reached at 96.5%"] * 3),
        ((0.5, 0.8, 0.9, 0.95, 0.965), {"floor": 0.1}, "", "not reached at 96.5%", ""),
        (
            (0.5, 0.8, 0.9, 0.91, 0.965),
            {"floor": 0.1},
            "",
            "not reached at 96.5%",
            "between 91% and 96.5%",
        ),
        # the shoulder would end within a straight line from 90 to 96.3%
        ((0.5, 0.8, 0.9, 0.963, 0.97), {"floor": 0.1}, "", "at 97%", "60% of the fall lies"),
        ((0.95, 0.96, 0.97, 0.98, 0.99), {}, *["before 95%: add lower"] * 3),
        # a known floor does not tell where the fall began
        ((0.95, 0.96, 0.97, 0.98, 0.99), {"floor": 0.1}, *["before 95%"] * 3),
        ((0.2, 0.4, 0.5, 0.6, 0.999), {}, *["between 60% and 99.9%"] * 3),
        ((0.9, 0.95, 0.97, 0.99), {}, *["5 levels of sparsity are needed, got 4"] * 3),
    ],
)
def test_what_the_levels_do_not_show_is_said_and_not_extrapolated(
    levels, options, point, width, shoulder
):
    frame = draw({"causal": SHARP}, levels=levels, **EXACT)
    found = phase_shift(frame, **options).to_frame().set_index("quantity")
    expected = {"point": point, "width_decades": width, "width_points": width}
    expected["shoulder_decades"] = shoulder
    for quantity, said in expected.items():
        assert said in found.loc[quantity, "reason"]
        assert np.isnan(found.loc[quantity, "estimate"]) == bool(said)


def test_falls_that_do_not_reach_a_known_floor_are_compared_by_their_shoulders():
    levels = (0.5, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98)
    found = phase_shift(draw(levels=levels, seeds=5), floor=0.1, baseline="magnitude")
    ratio = row(found, "shoulder_decades_ratio", against="magnitude")
    assert np.isnan(row(found, "width_decades_ratio", against="magnitude")["estimate"])
    truth = shoulder(SHARP, levels) / shoulder(SMOOTH, levels)
    assert ratio["lower"] < truth < ratio["upper"] < 1
    said = found.summary()
    assert "widths not compared: magnitude: the floor is not reached at 98%" in said
    assert f"shoulder times {ratio['estimate']:.2f} [" in said


def test_what_a_seed_left_out_does_not_show_costs_no_other_interval():
    # accuracy rises first, and without one seed the monotone means step over the shoulder's start
    kept = np.array([1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01])
    means = np.array([0.6, 0.68, 0.72, 0.72, 0.66, 0.5, 0.4])
    rng = np.random.default_rng(0)
    frame = pd.concat(
        pd.DataFrame({"method": "causal", "seed": s, "sparsity": 1 - kept, "test_accuracy": y})
        for s, y in enumerate(means + rng.normal(scale=0.01, size=(5, 7)))
    )
    frame.loc[(frame["seed"] == 0) & (frame["sparsity"] == 0.99), "test_accuracy"] = 0.2
    found = phase_shift(frame, floor=0.1)
    shoulder_row, point = row(found, "shoulder_decades"), row(found, "point")
    assert np.isnan(shoulder_row["lower"])
    assert "without some seed it is not identified" in shoulder_row["reason"]
    assert point["lower"] < point["estimate"] < point["upper"]


def test_shoulders_are_in_decades_on_both_scales():
    levels = (0.5, 0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985)
    frame = draw(levels=levels, seeds=5)
    kept, pruned = (phase_shift(frame, floor=0.1, scale=s) for s in ("kept", "pruned"))
    for method in BOTH:
        one, other = (row(found, "shoulder_decades", method) for found in (kept, pruned))
        assert one["lower"] < other["estimate"] < one["upper"]
        assert np.isfinite([one["lower"], other["lower"]]).all()


def test_a_seed_says_why_its_shoulder_is_not_known():
    levels = (0.5, 0.8, 0.9, 0.963, 0.97, 0.99, 0.999)
    frame = draw({"causal": SHARP}, levels=levels, **EXACT)
    seeds = phase_shift(frame, floor=0.1).seeds_frame()
    assert seeds["shoulder_decades"].isna().all()
    assert seeds["width_decades"].notna().all()
    assert seeds["reason"].str.contains("60% of the fall lies between 90% and 96.3%").all()


def test_accuracy_that_does_not_fall_has_no_transition():
    flat = Truth(top=0.1 + 1e-9)
    said = reasons(draw({"random": flat}, seed=3))
    assert "no fall" in said["random", "point"]
    assert "point and width not identified" in phase_shift(draw({"random": flat})).summary()


def test_what_one_method_does_not_show_is_not_compared():
    levels = (0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.985)
    late = Truth(point=0.999)
    found = phase_shift(draw({"causal": SHARP, "lamp": late}, levels=levels))
    against = row(found, "point_difference", against="lamp")
    assert np.isnan(against["estimate"])
    assert against["reason"].startswith("lamp: ")


def test_where_no_method_has_a_point_pairs_are_told_in_one_line():
    frame = draw()
    said = phase_shift(frame[frame["sparsity"].isin(LEVELS[:2])]).summary()
    assert said.count("point and width not identified") == 2
    assert said.count("No methods are compared: no point is identified.") == 1
    assert " against " not in said


def test_a_floor_that_is_no_number_is_refused():
    with pytest.raises(ConfigurationError, match="floor"):
        phase_shift(draw(), floor="x")


def test_one_seed_has_a_point_and_no_interval():
    found = phase_shift(draw(seeds=1))
    point = row(found, "point")
    assert point["estimate"] == pytest.approx(SHARP.point, abs=0.01)
    assert np.isnan(point["lower"])
    assert "two seeds" in point["reason"]
    assert "no interval" in found.summary()


def test_without_a_transition_when_a_seed_is_left_out_there_is_no_interval():
    # one seed alone shows the end of the fall
    whole = draw({"causal": SHARP}, seeds=1)
    short = draw({"causal": SHARP}, seeds=3, levels=(0.5, 0.6, 0.7, 0.8, 0.9), seed=1)
    short["seed"] += 1
    point = row(phase_shift(pd.concat([whole, short])), "point")
    assert point["estimate"] == pytest.approx(SHARP.point, abs=0.02)
    assert np.isnan(point["lower"])
    assert "without some seed it is not identified" in point["reason"]


def test_seeds_that_only_one_method_has_take_no_part_in_differences():
    frame = draw(seeds=5)
    lone = (frame["method"] == "magnitude") & (frame["seed"] == 4)
    found = phase_shift(frame[~lone])
    fewer = phase_shift(frame[frame["seed"] != 4])
    name = ("point_difference", "causal", "magnitude")
    assert row(found, *name)["seeds"] == 4
    assert row(found, *name)["estimate"] == pytest.approx(row(fewer, *name)["estimate"])
    assert row(found, "point")["seeds"] == 5


def test_networks_that_were_not_pruned_are_the_first_level_of_every_method():
    frame = draw(levels=LEVELS[1:])
    first = draw(levels=(0.0,), truths={"dense": Truth()})
    found = phase_shift(pd.concat([frame, first]))
    levels = found.levels_frame()
    assert set(levels["method"]) == {"causal", "magnitude"}
    dense = levels[levels["sparsity"] == 0]
    assert len(dense) == 2
    assert dense["mean"].to_numpy() == pytest.approx(first["test_accuracy"].mean())
    with pytest.raises(ConfigurationError, match="no run of a network that was pruned"):
        phase_shift(first)


def test_methods_without_a_common_seed_are_not_compared():
    frame = draw(seeds=2)
    frame["seed"] += 10 * (frame["method"] == "causal")
    found = phase_shift(frame)
    assert "no seed in common" in row(found, "point_difference", against="magnitude")["reason"]


def test_runs_at_nearly_one_sparsity_count_as_one_level():
    rng = np.random.default_rng(2)
    frame = draw(levels=(0.9, 0.95, 0.97, 0.99))
    frame["sparsity"] += rng.uniform(-2e-4, 2e-4, len(frame))
    assert "got 4" in reasons(frame)["causal", "point"]
    assert len(phase_shift(frame).levels_frame()) == 8


def test_collapsed_layers_are_told_and_drawn_hollow():
    frame = draw()
    frame["collapsed"] = 2 * ((frame["method"] == "causal") & (frame["sparsity"] >= 0.98))
    found = phase_shift(frame)
    assert "causal: a layer collapses at 98% (100% of runs), 99%" in found.summary()
    marks = [line for line in found.plot().get_lines() if line.get_label() == "_mean"]
    hollow = sum(len(m.get_xdata()) for m in marks if m.get_markerfacecolor() == "white")
    assert hollow == 4
    assert "is not known" in phase_shift(draw()).summary()


def test_level_means_and_misses_are_those_of_the_runs():
    frame = draw(seeds=4)
    found = phase_shift(frame).levels_frame()
    own = frame[(frame["method"] == "causal") & (frame["sparsity"] == 0.97)]["test_accuracy"]
    at = found[(found["method"] == "causal") & np.isclose(found["sparsity"], 0.97)].iloc[0]
    interval = stats.ttest_1samp(own, 0).confidence_interval(0.95)
    np.testing.assert_allclose([at["lower"], at["upper"]], list(interval))
    assert at["miss"] == pytest.approx((own.mean() - at["fitted"]) / stats.sem(own))


def test_the_scale_that_the_runs_follow_fits_better():
    kept = phase_shift(draw()).goodness()
    assert (kept["rmse"] < kept["other_rmse"]).all()
    assert (kept["r2"] > 0.999).all()


def test_the_table_of_the_measured_networks_is_read_as_it_should_be():
    # mean accuracies at 90, 95, 97, 98 and 99% pruned, LeNet on CIFAR-10: no method falls half
    # way, so that none has a point
    table = {
        "causal": (0.700, 0.691, 0.671, 0.644, 0.593),
        "magnitude": (0.695, 0.696, 0.685, 0.675, 0.637),
    }
    frame = pd.DataFrame(
        [
            {"method": m, "seed": 0, "sparsity": s, "test_accuracy": a}
            for m, values in table.items()
            for s, a in zip((0.9, 0.95, 0.97, 0.98, 0.99), values, strict=True)
        ]
    )
    for options in ({}, {"floor": 0.1}):
        found = phase_shift(frame, **options).to_frame()
        assert found["estimate"].isna().all()
        assert found["reason"].str.contains("half way|floor|0 of 1 seeds").all()


def test_the_sharpest_fall_of_the_measured_criteria_is_that_of_the_worst_one():
    # FashionMNIST, mean accuracy at 90, 95, 98 and 99% pruned: global magnitude starves a layer
    table = {
        "global magnitude": (0.782, 0.213, 0.100, 0.100),
        "uniform-layer magnitude": (0.761, 0.718, 0.289, 0.145),
        "random": (0.740, 0.671, 0.255, 0.100),
        "LAMP": (0.808, 0.782, 0.712, 0.577),
    }
    rows = [("dense", 0.0, 0.824)]
    for name, values in table.items():
        rows += [(name, s, a) for s, a in zip((0.9, 0.95, 0.98, 0.99), values, strict=True)]
    frame = pd.DataFrame(rows, columns=["method", "sparsity", "test_accuracy"]).assign(seed=0)
    found = phase_shift(frame, floor=0.1, baseline="random")
    assert row(found, "width_decades_ratio", "global magnitude", "random")["estimate"] < 0.6
    assert row(found, "point_difference", "global magnitude", "random")["estimate"] < -0.02
    assert "does not fall half way" in row(found, "point", "LAMP")["reason"]
    said = found.summary()
    assert "LAMP (1 seed): point and width not identified" in said


@pytest.mark.parametrize(
    ("change", "options", "error", "said"),
    [
        ({}, {"scale": "log"}, ConfigurationError, "kept or pruned.*'log'"),
        ({}, {"baseline": "lamp"}, ConfigurationError, "methods: causal, magnitude"),
        ({}, {"floor": 0.9}, ConfigurationError, "floor 0.9"),
        ({"sparsity": 1.0}, {}, DataError, r"must be in \[0, 1\)"),
        ({"sparsity": 0.5}, {}, DataError, "share method, seed, sparsity"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change, options, error, said):
    with pytest.raises(error, match=said):
        phase_shift(draw().assign(**change), **options)


def simulate(seeds, reps):
    """Whether 95% intervals hold point, width, shoulder, and contrasts of two methods."""
    held, levels = [], (*LEVELS, 0.96)
    cut = [level for level in levels if level <= 0.99]  # magnitude has not reached its floor
    half = {method: shoulder(truth, cut) for method, truth in BOTH.items()}
    for rep in range(reps):
        rng = np.random.default_rng([17, seeds, rep])
        frame = draw_runs(BOTH, rng, seeds=seeds, levels=levels)
        found = phase_shift(frame)
        checks = [
            ("point", "", SHARP.point),
            ("width_decades_alone", "", SHARP.decades),
            ("width_decades", "", SHARP.decades),
            ("point_difference", "magnitude", -0.02),
            ("width_decades_ratio", "magnitude", 0.5),
        ]
        rows = [(row(found, q, against=a), value) for q, a, value in checks]
        found = phase_shift(frame[frame["sparsity"].isin(cut)], floor=SHARP.floor)
        rows += [(row(found, "shoulder_decades", m), half[m]) for m in BOTH]
        ratio = half["causal"] / half["magnitude"]
        rows.append((row(found, "shoulder_decades_ratio", against="magnitude"), ratio))
        held.append([r["lower"] <= value <= r["upper"] for r, value in rows])
    return np.sum(held, axis=0)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_of_few_seeds_hold_the_truth(seeds):
    reps = 200
    held = simulate(seeds, reps)
    # seeds that shift the point widen the pooled curve a little, which its own width has to bear
    assert (stats.binom.cdf(held, reps, 0.95) > 1e-3).all(), held
