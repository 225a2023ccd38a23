"""power: pilots held against paired and pooled spreads, plans against simulated data sets."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalhyper import LINEAR, ConfigurationError, effect_curve, fit, mediate
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.planning.query import power
from causalhyper.queries.planning.rows import COLUMNS
from tests.simulated import CHAIN, ROLES, Truth, runs

ASKED = {"at": [2, 4], "baseline": 1, "effects": 0.3}


def paired(clusters, rng, *, effect=0.0, noise=0.5):
    """Seeds at all of three values, with a seed effect and noise."""
    k = np.repeat(np.arange(clusters), 3)
    b = np.tile([1.0, 2.0, 4.0], clusters)
    g = rng.normal(size=clusters)[k] + noise * rng.normal(size=len(k)) + effect * (b == 4)
    return pd.DataFrame({"run_id": np.arange(len(k)), "k": k, "b": b, "g": g})


def separate(each, rng, *, effect=0.0, repeats=1, sd=(1.0, 1.0, 1.0)):
    """`each` seeds at each value, each run `repeats` times."""
    k = np.repeat(np.arange(3 * each), repeats)
    b = np.array([1.0, 2.0, 4.0])[k % 3]
    g = rng.normal(size=3 * each)[k] * np.array(sd)[k % 3] + effect * (b == 4)
    g = g + 0.1 * rng.normal(size=len(k)) * (repeats > 1)
    return pd.DataFrame({"run_id": np.arange(len(k)), "k": k, "b": b, "g": g})


def model_of(frame, **given):
    asked = {"protocol": "p", "cluster": "k", "mechanisms": LINEAR} | given
    return fit("B -> G", frame, {"B": "b", "G": "g"}, **asked)


def test_the_pilot_of_complete_blocks_is_the_spread_of_paired_differences():
    frame = paired(9, np.random.default_rng(1))
    wide = frame.pivot(index="k", columns="b", values="g")
    differences = wide[[2.0, 4.0]].sub(wide[1.0], axis=0)
    pilot = power(model_of(frame), "B", "G", **ASKED).pilot
    np.testing.assert_allclose(pilot.sd, differences.std(), rtol=1e-9)
    np.testing.assert_allclose(pilot.correlation, differences.corr(), rtol=1e-9)
    assert (pilot.arms, pilot.clusters, pilot.df.tolist()) == (1, 9, [8, 8])


def test_a_context_for_each_seed_changes_nothing_in_complete_blocks():
    frame = paired(9, np.random.default_rng(1))
    plain = power(model_of(frame), "B", "G", **ASKED)
    absorbed = power(model_of(frame, context="k"), "B", "G", **ASKED)
    pd.testing.assert_frame_equal(plain.to_frame(), absorbed.to_frame())


def test_strata_of_seeds_cost_a_degree_of_freedom_each():
    frame = paired(12, np.random.default_rng(2))
    frame["place"] = np.where(frame["k"] < 6, "a", "b")
    pilot = power(model_of(frame, context="place"), "B", "G", **ASKED).pilot
    wide = frame.pivot(index="k", columns="b", values="g")
    d = (wide[4.0] - wide[1.0]).to_numpy().reshape(2, 6)
    # the variance of the mean of 12, pooled within strata of 6
    assert pilot.sd[1] == pytest.approx(d.var(axis=1, ddof=1).mean() ** 0.5)
    assert pilot.df.tolist() == [10, 10]
    assert pilot.lost == 2


def test_the_pilot_of_separate_seeds_pools_the_two_arms_of_each_contrast():
    frame = separate(8, np.random.default_rng(3), repeats=2, sd=(0.5, 1.0, 3.0))
    pilot = power(model_of(frame), "B", "G", **ASKED).pilot
    means = frame.groupby(["b", "k"])["g"].mean()
    v = {b: means[b].var() for b in (1.0, 2.0, 4.0)}
    exact = [((v[1.0] + v[b]) / 2) ** 0.5 for b in (2.0, 4.0)]
    np.testing.assert_allclose(pilot.sd, exact, rtol=1e-9)
    assert (pilot.arms, pilot.clusters, pilot.lost, pilot.df.tolist()) == (2, 8, 2, [14, 14])
    both = v[1.0] / np.sqrt((v[1.0] + v[2.0]) * (v[1.0] + v[4.0]))
    assert pilot.correlation[0, 1] == pytest.approx(both)


def test_the_hypergraphs_pilot_is_its_bootstrap_error_times_the_root_of_the_clusters():
    frame = runs(Truth(), np.random.default_rng(1), clusters=16)
    model = fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)
    asked = {"at": [4], "baseline": 1, "draws": 200}
    total = power(model, "B", "G", effects=1.0, estimator="graph", **asked)
    curve = effect_curve(model, "B", "G", **asked)
    assert total.pilot.sd[0] == pytest.approx(4 * curve.graph[0].se)
    through = power(model, "B", "G", effects=1.0, mediators="S", **asked)
    assert through.pilot.sd[0] == pytest.approx(
        4 * mediate(model, "B", "G", "S", **asked).indirect[0].se
    )
    assert "through S" in through.verdict
    assert "grows with the effect" in through.verdict
    with pytest.raises(ConfigurationError, match="use bonferroni"):
        power(model, "B", "G", effects=1.0, estimator="graph", adjust="max_t", **asked)


def test_answers_agree_with_one_another():
    model = model_of(paired(9, np.random.default_rng(1)))
    plan = power(model, "B", "G", clusters=[5, 20], **ASKED)
    frame = plan.to_frame()
    assert tuple(frame) == COLUMNS
    assert frame["solved"].value_counts().to_dict() == {"power": 4, "clusters": 2, "effect": 4}
    for row in plan.solved("clusters"):
        assert row.power >= 0.8
        assert row.lower <= row.clusters <= row.upper
        again = power(model, "B", "G", at=[row.value], baseline=1, effects=0.3,
                      clusters=int(row.clusters))  # fmt: skip
        assert again.solved("power")[0].power == pytest.approx(row.power)
    for row in plan.solved("effect"):
        again = power(model, "B", "G", at=[row.value], baseline=1, effects=row.effect,
                      clusters=int(row.clusters))  # fmt: skip
        assert again.solved("power")[0].power == pytest.approx(0.8, abs=1e-6)
    for row in plan.solved("power"):
        assert row.lower <= row.power <= row.upper


def test_testing_values_together_needs_more_clusters_and_max_t_fewer_than_bonferroni():
    model = model_of(paired(9, np.random.default_rng(1)))
    needed = {
        how: max(
            r.clusters for r in power(model, "B", "G", adjust=how, **ASKED).solved("clusters")
        )
        for how in ("none", "max_t", "bonferroni")
    }
    assert needed["none"] < needed["max_t"] <= needed["bonferroni"]


def test_the_sign_of_the_effect_does_not_matter():
    model = model_of(paired(9, np.random.default_rng(1)))
    both = power(model, "B", "G", at=[4], baseline=1, effects=[0.3, -0.3])
    needed = [r.clusters for r in both.solved("clusters")]
    assert needed[0] == needed[1]


def test_summary_and_plot_show_the_plan():
    plan = power(model_of(paired(9, np.random.default_rng(1))), "B", "G", **ASKED)
    assert plan.summary().endswith(plan.verdict)
    hardest = max(plan.solved("clusters"), key=lambda r: r.clusters)
    assert f"{hardest.clusters:.0f} clusters (k)" in plan.verdict
    (line,) = [x for x in plan.plot().get_lines() if not x.get_label().startswith("_")]
    x, y = line.get_data()
    reached = x[np.argmax(y >= 0.8)]
    assert reached >= hardest.clusters > x[np.argmax(y >= 0.8) - 1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"effects": []}, "no effect to detect"),
        ({"effects": 0}, "other than 0"),
        ({"effects": 1e-9}, "too small"),
        ({"clusters": 1}, "at least 2"),
        ({"clusters": 7.5}, "clusters must be"),
        ({"target": 0.03}, "target power"),
        ({"adjust": "holm"}, "adjust must be one of"),
        ({"estimator": "both"}, "estimator must be"),
        ({"at": [3]}, "no run has b = 3"),
        ({"level": 1.0}, "level must lie"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(given, message):
    with pytest.raises(ConfigurationError, match=message):
        power(model_of(paired(9, np.random.default_rng(1))), "B", "G", **(ASKED | given))


def test_a_pilot_without_spread_is_refused():
    frame = paired(9, np.random.default_rng(1)).assign(g=lambda f: f["k"] + f["b"])
    with pytest.raises(ConfigurationError, match="must be positive"):
        power(model_of(frame), "B", "G", **ASKED)


def bounds(chance, n):
    return stats.binom.ppf(0.0005, n, chance) / n, stats.binom.ppf(0.9995, n, chance) / n


def rejected(frame, seed):
    """The test of `effect_curve`'s design estimate, without the hypergraph's simulation."""
    e = make_experiment(model_of(frame), "B", "G", at=[4], baseline=1, draws=299, seed=seed)
    found = e.uncertainty.bands(e.design.contrasts(e.replicates.weights))
    return bool(found.lower[0] > 0 or found.upper[0] < 0)


@pytest.mark.slow
def test_with_the_planned_paired_seeds_the_librarys_own_test_has_the_target_power():
    rng = np.random.default_rng(1)
    pilot = power(model_of(paired(4000, rng)), "B", "G", at=[4], baseline=1, effects=0.5)
    (row,) = pilot.solved("clusters")
    n, sets = int(row.clusters), 500
    found = [rejected(paired(n, rng, effect=0.5), i) for i in range(sets)]
    low, high = bounds(row.power, sets)
    assert low <= np.mean(found) <= high
    quiet = [rejected(paired(n, rng), i) for i in range(sets)]
    assert np.mean(quiet) <= bounds(0.05, sets)[1]


@pytest.mark.slow
def test_with_the_planned_separate_seeds_the_librarys_own_test_has_the_target_power():
    rng = np.random.default_rng(2)
    pilot = power(model_of(separate(4000, rng)), "B", "G", at=[4], baseline=1, effects=1.0)
    (row,) = pilot.solved("clusters")
    n, sets = int(row.clusters), 500
    found = [rejected(separate(n, rng, effect=1.0), i) for i in range(sets)]
    low, high = bounds(row.power, sets)
    # the library's test has the degrees of freedom of all three arms, and a bootstrap error
    assert low <= np.mean(found) <= high + 0.02


@pytest.mark.slow
def test_the_interval_of_the_needed_seeds_holds_the_number_that_the_true_spread_needs():
    """sd of a difference is 0.5 sqrt(2); an effect of 0.5 then needs 18 pairs for 80%."""
    rng = np.random.default_rng(3)
    d = 0.5 / (0.5 * 2**0.5)
    nct = [stats.nct(n - 1, d * n**0.5).sf(stats.t.isf(0.025, n - 1)) for n in range(2, 40)]
    needed = 2 + int(np.argmax(np.array(nct) >= 0.8))
    sets, held = 400, []
    for _ in range(sets):
        plan = power(model_of(paired(8, rng)), "B", "G", at=[4], baseline=1, effects=0.5)
        (row,) = plan.solved("clusters")
        held.append(row.lower <= needed <= row.upper)
    # whole numbers make it hold a little more often
    assert np.mean(held) >= bounds(0.95, sets)[0]


@pytest.mark.slow
def test_the_error_of_an_indirect_effect_shrinks_with_the_root_of_the_clusters():
    """A pilot of 20 clusters foretells the power of 60 for its own kind of effect."""
    truth = Truth(a=0.2, c=0.25, r=0.0, p=0.0, q=0.4)
    effect = truth.g * truth.q * truth.c * truth.a * 3  # through S, from 1 to 4: all of it
    foretold, found = [], []

    def made(clusters, seed):
        frame = runs(truth, np.random.default_rng(seed), clusters=clusters, doses=(1.0, 4.0))
        return fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)

    asked = {"at": [4], "baseline": 1, "draws": 199}
    for seed in range(40):
        plan = power(made(20, seed), "B", "G", mediators="S", effects=effect, clusters=60, **asked)
        foretold.append(plan.solved("power")[0].power)
    for seed in range(120):
        found.append(
            mediate(made(60, 1000 + seed), "B", "G", "S", **asked).indirect[0].excludes_zero
        )
    assert np.mean(foretold) == pytest.approx(np.mean(found), abs=0.14)


def test_an_unmeasured_common_cause_does_not_stand_in_the_designs_way():
    frame = paired(9, np.random.default_rng(1)).assign(m=lambda f: f["g"] + f["b"])
    roles = {"B": "b", "M": "m", "G": "g"}
    asked = {"protocol": "p", "cluster": "k", "mechanisms": LINEAR}
    latent = fit("B -> M; M -> G; M <-> G", frame, roles, **asked)
    found = power(latent, "B", "G", **ASKED)
    assert found.to_frame().equals(power(model_of(frame), "B", "G", **ASKED).to_frame())


@pytest.mark.parametrize("effects", ["a", None, ["a"], [None], float("nan")])
def test_an_effect_to_detect_is_a_number(effects):
    with pytest.raises(ConfigurationError, match="effects must be a"):
        power(
            model_of(paired(6, np.random.default_rng(1))), "B", "G", **ASKED | {"effects": effects}
        )
