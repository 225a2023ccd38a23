"""policy: hand-made means, costs and truths, by block arithmetic and brute force."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalhyper import (
    LINEAR,
    ConfigurationError,
    DataError,
    adjust_estimates,
    effect_curve,
    fit,
)
from causalhyper.queries.policies.query import policy
from causalhyper.queries.policies.ranking import RANKING
from causalhyper.results import COLUMNS
from tests.simulated import CHAIN, ROLES, Truth, exact_runs, runs

ASKED = {"at": [1, 2, 4], "draws": 200}
DESIGN = ASKED | {"estimator": "design"}


def make_runs(clusters=12, seed=0, slope=0.0, contexts=1, noise=0.1):
    """One outcome g = context + slope b + noise, hours = 3 / b + noise shared with g."""
    rng = np.random.default_rng(seed)
    n = 3 * clusters
    frame = pd.DataFrame({"run_id": np.arange(n), "k": np.arange(n) // 3})
    frame["b"] = np.tile([1.0, 2.0, 4.0], clusters)
    frame["place"] = np.where(frame["k"] < clusters / contexts, "a", "b")
    shared = rng.normal(size=n) * noise
    frame["g"] = (frame["place"] == "b") + slope * frame["b"] + shared
    frame["hours"] = 3 / frame["b"] + shared + 0.01 * rng.normal(size=n)
    return frame


def model_of(frame, **given):
    roles = {"B": "b", "G": "g"}
    return fit("B -> G", frame, roles, protocol="p", cluster="k", **given)


def test_in_complete_blocks_outcome_and_cost_are_plain_means_and_the_utility_their_difference():
    frame = make_runs()
    found = policy(model_of(frame), "B", "G", cost={"hours": 0.2}, runs=frame, **DESIGN)
    means = frame.groupby("b")[["g", "hours"]].mean()
    table = found.table().set_index("value")
    np.testing.assert_allclose(table["outcome"], means["g"], atol=1e-12)
    np.testing.assert_allclose(table["cost"], 0.2 * means["hours"], atol=1e-12)
    np.testing.assert_allclose(table["utility"], means["g"] - 0.2 * means["hours"], atol=1e-12)


def test_means_of_incomplete_blocks_are_least_squares_means():
    """Block and value effects without noise; blocks that lack a value do not bend the others."""
    rows = [(k, b) for k in range(9) for b in (1.0, 2.0, 4.0) if (k + b) % 4 or k > 6]
    frame = pd.DataFrame(rows, columns=["k", "b"])
    frame["run_id"] = range(len(frame))
    frame["g"] = frame["k"] + frame["b"] ** 2
    found = policy(model_of(frame), "B", "G", **DESIGN)
    outcome = found.table()["outcome"].to_numpy()
    np.testing.assert_allclose(outcome - outcome[0], [0, 3, 15], atol=1e-9)
    np.testing.assert_allclose(outcome[0], frame["k"].mean() + 1, atol=1e-9)


def test_the_covariance_of_outcome_and_cost_counts():
    """At price 1 the noise that g and hours share cancels: only hours' own 0.01 is left."""
    frame = make_runs(clusters=40)
    model = model_of(frame)
    found = policy(model, "B", "G", cost={"hours": 1.0}, runs=frame, **DESIGN)
    pairs = (frame["g"] - frame["hours"]).to_numpy().reshape(-1, 3)
    for i, choice in enumerate(found.overall.choices):
        exact = pairs[:, i].std(ddof=1) / 40**0.5
        assert choice.utility.se == pytest.approx(exact, rel=0.25)
        assert choice.outcome.se > 4 * choice.utility.se


def test_rows_in_another_order_cost_the_same():
    frame = make_runs()
    shuffled = frame.sample(frac=1, random_state=3)
    model = model_of(frame)
    asked = {"cost": {"hours": 0.2}, **ASKED}
    first = policy(model, "B", "G", runs=frame, **asked)
    second = policy(model, "B", "G", runs=shuffled, **asked)
    pd.testing.assert_frame_equal(first.table(), second.table())


def test_a_frame_that_was_not_fitted_is_refused():
    frame = make_runs()
    model = model_of(frame)
    asked = {"cost": {"hours": 0.2}, **ASKED}
    with pytest.raises(DataError, match="36 runs, this frame has 35"):
        policy(model, "B", "G", runs=frame.iloc[1:], **asked)
    changed = frame.assign(g=frame["g"].where(frame["run_id"] != 5, 0.0))
    with pytest.raises(DataError, match="'g' of this frame is not what the model was fitted to"):
        policy(model, "B", "G", runs=changed, **asked)
    with pytest.raises(DataError, match="'hours': must be a finite number"):
        policy(model, "B", "G", runs=frame.assign(hours=np.nan), **asked)
    with pytest.raises(DataError, match="'hours': is missing"):
        policy(model, "B", "G", runs=frame.drop(columns="hours"), **asked)


def test_given_costs_shift_utilities_without_adding_error():
    model = model_of(make_runs(slope=0.1))
    free = policy(model, "B", "G", **ASKED)
    paid = policy(model, "B", "G", cost={1: 0.0, 2: 0.0, 4: 5.0}, **ASKED)
    assert free.recommended == 4
    assert paid.recommended == 2
    for a, b in zip(free.overall.choices, paid.overall.choices, strict=True):
        assert a.utility.se == pytest.approx(b.utility.se)
    assert paid.overall[4].cost.estimate == 5.0
    assert paid.overall[4].cost.se == 0.0


def test_where_less_is_better_the_ranking_turns_round():
    model = model_of(make_runs(slope=0.5))
    assert policy(model, "B", "G", **ASKED).best_set == (4,)
    least = policy(model, "B", "G", maximise=False, **ASKED)
    assert least.best_set == (1,)
    assert least.overall[1].utility.estimate == -least.overall[1].outcome.estimate


def test_differences_are_those_of_the_effect_curve_from_the_same_replicates():
    frame = runs(Truth(), np.random.default_rng(1))
    model = fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
    asked = {"at": [2, 4], "baseline": 1, "draws": 200, "interval": "bootstrap"}
    curve = effect_curve(model, "B", "G", **asked)
    for name, effects in (("graph", curve.graph), ("design", curve.design)):
        found = policy(model, "B", "G", estimator=name, **ASKED)
        means = [c.outcome.estimate for c in found.overall.choices]
        np.testing.assert_allclose(np.array(means[1:]) - means[0], [e.estimate for e in effects])
    two = policy(model, "B", "G", at=[1, 4], draws=200).overall[4]
    assert two.gap.se == pytest.approx(curve.graph[1].se)


def test_means_through_the_hypergraph_have_the_closed_form_of_the_chain():
    truth = Truth()
    frame, e = exact_runs(truth, np.random.default_rng(2))
    model = fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
    found = policy(model, "B", "G", **ASKED)
    for b in (1, 2, 4):
        mu = truth.n0 + truth.a * b + e["N"].mean()
        v = e["N"].var()
        s = truth.s0 + truth.c * mu + e["S"].mean()
        # E[N S] = mu s + c Var(N), as the noise of S is uncorrelated with N
        c = truth.c0 + truth.p * mu + truth.q * s + truth.r * (mu * s + truth.c * v)
        exact = truth.g0 + truth.g * (c + e["C"].mean()) + e["G"].mean()
        assert found.overall[b].outcome.estimate == pytest.approx(exact, abs=0.02)


def test_each_context_has_its_own_ranking_by_the_design():
    frame = make_runs(clusters=24, contexts=2, slope=0.5)
    turned = frame["place"] == "b"
    frame.loc[turned, "g"] -= frame.loc[turned, "b"]
    model = model_of(frame, context="place")
    found = policy(model, "B", "G", by="place", runs=frame, **DESIGN)
    a, b = found.contexts
    assert (a.context, a.best_set, b.context, b.best_set) == ("a", (4.0,), "b", (1.0,))
    own = frame[turned].groupby("b")["g"].mean()
    np.testing.assert_allclose([c.outcome.estimate for c in b.choices], own)
    assert b.choices[0].outcome.clusters == 12
    assert "t(11)" in b.choices[0].outcome.method
    assert "own runs alone" in found.pooling
    assert "It is shown not to be the best at place" in found.verdict


def test_contexts_through_the_hypergraph_share_curves_and_say_so():
    frame = make_runs(clusters=24, contexts=2, slope=0.5)
    model = model_of(frame, context="place")
    found = policy(model, "B", "G", by="place", runs=frame, **ASKED)
    a, b = found.contexts
    gaps = [[c.gap.estimate for c in r.choices] for r in (a, b)]
    np.testing.assert_allclose(gaps[0], gaps[1], atol=1e-9)
    assert "share every mechanism's curves" in found.pooling
    # a context's mean is that of its own runs, to the draws of 512 simulated runs
    assert b.choices[0].outcome.estimate - a.choices[0].outcome.estimate == pytest.approx(
        frame[frame["place"] == "b"]["g"].mean() - frame[frame["place"] == "a"]["g"].mean(),
        abs=0.03,
    )


def test_a_hypergraph_that_the_design_rejects_is_said_to_be():
    """The hypergraph holds the outcome to a straight line; it has a peak."""
    frame = make_runs()
    frame["g"] += 2.0 * (frame["b"] == 2)
    model = model_of(frame, mechanisms=LINEAR)
    found = policy(model, "B", "G", **ASKED)
    assert found.test is not None
    assert found.test.rejected
    assert "Ask for the design's estimator" in found.verdict
    by_design = policy(model, "B", "G", **DESIGN)
    assert by_design.recommended == 2
    assert by_design.test is None


def test_a_tie_is_called_one():
    frame = make_runs(noise=0.0)
    found = policy(model_of(frame, mechanisms=LINEAR), "B", "G", **DESIGN)
    assert found.overall.tied == (1, 2, 4)
    assert "tied with 2, 4" in found.verdict
    assert [c.probability_best for c in found.overall.choices] == pytest.approx([1 / 3] * 3)


def test_frames_have_fixed_columns_and_every_number_its_estimand():
    frame = make_runs(contexts=2)
    model = model_of(frame, context="place")
    found = policy(model, "B", "G", cost={"hours": 1e-3}, runs=frame, by="place", **ASKED)
    assert tuple(found.table()) == RANKING
    assert tuple(found.to_frame()) == COLUMNS
    assert len(found.to_frame()) == 3 * 3 * 4
    gaps = found.to_frame().query("query == 'policy.gap'")
    assert len(gaps) == 9
    assert np.isfinite(gaps["baseline"]).all()
    e = found.overall[2].utility
    assert e.estimand == "E[g | do(b=2)] - cost(do(b=2)); protocol: p"
    again = policy(model, "B", "G", cost={"hours": 1e-3}, runs=frame, by="place", **ASKED)
    pd.testing.assert_frame_equal(found.to_frame(), again.to_frame())
    assert found.summary().endswith(found.verdict)
    ax = found.plot(context="a")
    assert ax.get_title(loc="left") == "a"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"at": [2]}, "at least two different values"),
        ({"at": 2}, "a sequence of numbers"),
        ({"estimator": "magic"}, "estimator must be one of"),
        ({"cost": {"hours": 1.0}}, "give the frame that was fitted as runs="),
        ({"by": "place"}, "'place' is no context of the model"),
        ({"cost": {"hours": 1.0, 2: 3.0}}, "mixes columns and treatment values"),
        ({"cost": {1: 0.0, 2: 1.0}}, "no cost for 4"),
        ({"cost": {"hours": float("inf")}}, "must be finite"),
        ({"cost": {"hours": True}}, "must be a number"),
        ({"cost": 3}, "must map columns to prices"),
        ({"at": [1, 3], "estimator": "design"}, "no run has b = 3"),
        ({"at": [1, 3], "cost": {"hours": 1.0}, "runs": make_runs()}, "no run has b = 3"),
        ({"by": "k", "runs": make_runs()}, "'k' is no context of the model"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(given, message):
    with pytest.raises(ConfigurationError, match=message):
        policy(model_of(make_runs()), "B", "G", **(ASKED | given))


def test_a_context_with_one_cluster_is_refused():
    frame = make_runs()
    frame["place"] = np.where(frame["k"] == 0, "few", "many")
    frame["k2"] = frame["k"] % 6
    model = fit("B -> G", frame, {"B": "b", "G": "g"}, protocol="p", cluster="k2", context="place")
    with pytest.raises(ConfigurationError, match="few has 1 cluster"):
        policy(model, "B", "G", by="place", runs=frame, **DESIGN)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["design", "graph"])
def test_the_best_is_kept_in_95_percent_of_data_sets_and_costs_are_in_the_intervals(estimator):
    """g = 0.1 b + noise, hours = b + noise, price 0.08: the utility of b is 0.02 b."""
    sets, kept, held = 300, [], []
    for seed in range(sets):
        rng = np.random.default_rng(seed)
        frame = make_runs(clusters=16, seed=seed, noise=0.0)
        block = rng.normal(size=16)[frame["k"]]
        frame["g"] = 0.1 * frame["b"] + block + 0.1 * rng.normal(size=48)
        frame["hours"] = frame["b"] + 0.3 * block + 0.5 * rng.normal(size=48)
        model = model_of(frame, mechanisms=LINEAR)
        found = policy(
            model, "B", "G", at=[1, 2, 4], draws=199, seed=seed, estimator=estimator,
            cost={"hours": 0.08}, runs=frame,
        )  # fmt: skip
        kept.append(4 in found.best_set)
        gaps = {c.value: c.gap for c in found.overall.choices}
        truth = {1.0: -0.06, 2.0: -0.04, 4.0: 0.04}
        held.append(all(gaps[v].lower <= t <= gaps[v].upper for v, t in truth.items()))
    low = stats.binom.ppf(0.0005, sets, 0.95) / sets
    assert np.mean(kept) >= low
    assert np.mean(held) >= low


def test_what_a_value_has_is_a_mean_with_a_t_interval_and_the_gap_is_neither():
    frame = make_runs()
    found = policy(model_of(frame), "B", "G", cost={"hours": 0.2}, runs=frame, **ASKED)
    means = [e for e in found.estimates if e.query != "policy.gap"]
    assert {(e.baseline, e.df) for e in means} == {(None, 11.0)}
    for e in means:
        assert e.upper - e.estimate == pytest.approx(stats.t.ppf(0.975, 11) * e.se, rel=1e-9)
    gaps = [c.gap for c in found.overall.choices]
    assert {e.df for e in gaps} == {None}
    assert all(e.baseline in (1, 2, 4) and e.baseline != e.value for e in gaps)
    with pytest.raises(
        ConfigurationError, match=r"policy\.outcome, policy\.cost, policy\.utility"
    ):
        adjust_estimates(found)


def lacking_frame():
    """30 clusters in two contexts; c0 never ran 2, c1 never ran 0."""
    frame = pd.DataFrame({"k": np.repeat(np.arange(30), 6), "b": np.tile([0.0, 1.0, 2.0], 60)})
    frame["ds"] = np.where(frame["k"] % 2 == 0, "c0", "c1")
    noise = np.random.default_rng(4).normal(scale=0.1, size=len(frame))
    frame["g"] = frame["b"] + noise
    frame["w"] = 1 + frame["b"] + noise
    frame = frame[frame["b"] != np.where(frame["ds"] == "c0", 2, 0)].reset_index(drop=True)
    return frame.assign(run_id=range(len(frame)))


@pytest.mark.parametrize("at", [[0, 2], [0, 1, 2]])
@pytest.mark.parametrize("cost", [None, {"w": 0.1}])
def test_a_value_that_a_context_never_ran_has_no_mean_there(at, cost):
    frame = lacking_frame()
    model = model_of(frame, context="ds")
    asked = {"at": at, "by": "ds", "runs": frame, "draws": 100, "cost": cost}
    estimators = ("design",) if cost is None else ("design", "graph")
    # over both contexts the values meet through 1
    assert policy(model, "B", "G", at=at, estimator="design", draws=100).overall.choices
    for estimator in estimators:
        with pytest.raises(ConfigurationError) as raised:
            policy(model, "B", "G", estimator=estimator, **asked)
        assert "no run of c0 has b = 2; no run of c1 has b = 0" in str(raised.value)


def test_a_value_that_both_contexts_ran_is_ranked_beside_one_that_is_not_asked():
    """c0 ran 0, 1; c1 ran 0, 1, 2: at [0, 1] each context has its own means."""
    frame = lacking_frame()
    frame = frame[(frame["ds"] == "c0") | (frame["b"] > 0)]
    extra = frame[(frame["ds"] == "c1") & (frame["b"] == 1)].assign(b=0.0, g=0.25)
    frame = pd.concat([frame, extra], ignore_index=True).assign(run_id=lambda f: range(len(f)))
    found = policy(
        model_of(frame, context="ds"), "B", "G", at=[0, 1], by="ds", estimator="design", draws=100
    )
    c1 = found.contexts[1]
    assert c1.choices[0].outcome.estimate == pytest.approx(0.25)


def test_a_context_with_one_cluster_is_refused_in_words():
    model = model_of(make_runs(), context="k")
    with pytest.raises(ConfigurationError, match=r"0 has 1 cluster\(s\), too few to compare"):
        policy(model, "B", "G", by="k", **DESIGN)


def test_contexts_need_no_frame():
    frame = make_runs(contexts=2)
    model = model_of(frame, context="place")
    given = policy(model, "B", "G", by="place", runs=frame, **DESIGN)
    kept = policy(model, "B", "G", by="place", **DESIGN)
    assert [r.context for r in kept.contexts] == ["a", "b"]
    pd.testing.assert_frame_equal(kept.table(), given.table())
    with pytest.raises(ConfigurationError, match="'colour' is no context of the model"):
        policy(model, "B", "G", by="colour", **DESIGN)


def test_jackknife_errors_of_means_in_complete_blocks_are_those_of_cluster_means():
    frame = make_runs()
    found = policy(model_of(frame), "B", "G", interval="jackknife", **DESIGN)
    spread = frame.groupby("b")["g"].std(ddof=1) / 12**0.5
    for choice in found.overall.choices:
        assert choice.outcome.se == pytest.approx(spread[choice.value], rel=1e-9)
        assert choice.outcome.df == pytest.approx(11)
        assert "jackknife standard errors (12 clusters), t(11)" in choice.outcome.method


@pytest.mark.parametrize("kind", ["jackknife", "bca", "percentile", "studentized"])
def test_a_context_by_the_design_has_the_intervals_of_a_model_of_its_runs_alone(kind):
    """Errors exactly; limits as far as the two draw different resamples."""
    frame = make_runs(clusters=24, contexts=2, slope=0.5)
    asked = DESIGN | {"interval": kind, "draws": 400}
    whole = policy(model_of(frame, context="place"), "B", "G", by="place", **asked)
    alone = policy(model_of(frame[frame["place"] == "b"]), "B", "G", **asked)
    for part, own in zip(whole.contexts[1].choices, alone.overall.choices, strict=True):
        ours, theirs = part.outcome, own.outcome
        assert (ours.estimate, ours.df) == pytest.approx((theirs.estimate, theirs.df))
        assert ours.se == pytest.approx(theirs.se, rel=0.15 if kind == "percentile" else 1e-9)
        ends = np.array([ours.lower, ours.upper]) - [theirs.lower, theirs.upper]
        assert np.abs(ends).max() < (1e-9 if kind == "jackknife" else 0.8 * theirs.se)
        assert ours.clusters == 12


@pytest.mark.parametrize("kind", ["t", "basic", "bca", "studentized"])
def test_the_set_of_the_best_is_the_bootstraps_whatever_the_interval_of_the_means(kind):
    model = model_of(make_runs(slope=0.05))
    first = policy(model, "B", "G", **DESIGN).table()
    other = policy(model, "B", "G", interval=kind, **DESIGN).table()
    same = ["outcome", "gap", "gap_lower", "gap_upper", "probability_best", "may_be_best"]
    pd.testing.assert_frame_equal(first[same], other[same])
    assert not np.allclose(first["utility_lower"], other["utility_lower"], rtol=0, atol=1e-12)


def test_a_context_that_needs_every_cluster_has_no_jackknife_and_says_so():
    """In place "a" one cluster alone ran the value 4: the means need it."""
    frame = make_runs(clusters=24, contexts=2)
    lacking = (frame["place"] == "a") & (frame["b"] == 4) & (frame["k"] > 0)
    model = model_of(frame[~lacking], context="place")
    asked = DESIGN | {"at": [1, 4], "by": "place"}
    found = policy(model, "B", "G", interval="t", **asked)
    methods = [r.choices[0].outcome.method for r in (found.overall, *found.contexts)]
    assert [m.count("jackknife standard errors") for m in methods] == [1, 0, 1]
    assert "no jackknife, because the model cannot be fitted without one of 1" in methods[1]
    with pytest.raises(ConfigurationError, match="no studentised intervals"):
        policy(model, "B", "G", interval="studentized", **asked)
