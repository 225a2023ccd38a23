"""Effects under correlated errors: closed form, brute force, and truth where the cause is known.

With a hidden U in two mechanisms, e1 = a U + v and e2 = c U + w (unit variances but for a, c),
rho = a c / sqrt((1 + a^2)(1 + c^2)).
"""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from causalhyper import LINEAR, ConfigurationError, fit
from causalhyper.inference.control_functions import control_slopes, correct, pair_errors
from causalhyper.queries.robustness import correlated_errors

PLAIN = "B -> M; B -> Y; M -> Y"
CHAIN = "B -> N; N -> S; S -> C; C -> G"
DOSES = (0.0, 1.0, 2.0)
RHO = 0.5


def _frame(k, b, **nodes):
    run_id = [f"r{i:06d}" for i in range(len(b))]
    return pd.DataFrame({"run_id": run_id, "k": k, "b": b, **nodes})


def _blocks(clusters, repeats):
    b = np.tile(np.repeat(DOSES, repeats), clusters)
    return np.repeat(np.arange(clusters), len(DOSES) * repeats), b


def _plain(rng, clusters=40, repeats=4, a=1.0, c=1.0, block_sd=0.0):
    """M = 0.7 B + e1; Y = 0.3 B + 0.5 M + e2: direct 0.3, indirect 0.35 a unit of B."""
    k, b = _blocks(clusters, repeats)
    u = rng.normal(size=len(b))
    shift = block_sd * rng.normal(size=(2, clusters))[:, k]
    m = 0.7 * b + a * u + rng.normal(size=len(b)) + shift[0]
    y = 0.3 * b + 0.5 * m + c * u + rng.normal(size=len(b)) + shift[1]
    return _frame(k, b, m=m, y=y)


def _chain(rng, clusters, repeats, a=1.0, c=1.0):
    """N = B + e; S = 0.8 N + e1; C = 0.9 S + e; G = 0.7 C + e2: effect 0.504 a unit of B."""
    k, b = _blocks(clusters, repeats)
    u, size = rng.normal(size=len(b)), len(b)
    n = b + 0.5 * rng.normal(size=size)
    s = 0.8 * n + a * u + rng.normal(size=size)
    m = 0.9 * s + 0.5 * rng.normal(size=size)
    g = 0.7 * m + c * u + rng.normal(size=size)
    return _frame(k, b, n=n, s=s, c=m, g=g)


def _model(graph, frame, context=()):
    letters = {v: v.lower() for v in graph if v.isupper()}
    return fit(
        graph, frame, letters, protocol="p", cluster="k", context=context, mechanisms=LINEAR
    )


def _curve(found, part):
    curve = found.pairs[0].widest(part)
    return dict(zip(curve.rhos, curve.estimates, strict=True)), curve


@pytest.mark.parametrize("context", [(), "k"])
def test_the_linear_model_has_the_closed_form_of_imai_keele_and_yamamoto(context):
    frame = _plain(np.random.default_rng(1), block_sd=0.5)
    rhos = (-0.6, -0.2, 0.3, 0.8)
    asked = {"at": [2.0], "baseline": 0.0, "draws": 100, "rhos": rhos}
    found = correlated_errors(_model(PLAIN, frame, context), "B", "Y", **asked)
    indirect, total = _curve(found, "natural_indirect")[0], _curve(found, "total")[0]
    # theorem 4: residuals of mediator and outcome on the treatment alone
    within = frame[["b", "m", "y"]]
    if context:
        within = within - within.groupby(frame["k"]).transform("mean")
    else:
        within = within - within.mean()
    b, m, y = within.to_numpy().T
    slope = {v: (b @ x) / (b @ b) for v, x in (("m", m), ("y", y))}
    e1, e2 = y - slope["y"] * b, m - slope["m"] * b
    r = np.corrcoef(e1, e2)[0, 1]
    for rho in rhos:
        gamma = e1.std() / e2.std() * (r - rho * np.sqrt((1 - r**2) / (1 - rho**2)))
        assert indirect[rho].estimate == pytest.approx(2 * slope["m"] * gamma, rel=1e-8)
        assert total[rho].estimate == pytest.approx(2 * slope["y"], rel=1e-8)


def test_the_indirect_effect_is_zero_where_the_closed_form_says():
    frame = _plain(np.random.default_rng(2))
    asked = {"at": [2.0], "baseline": 0.0, "draws": 100, "rhos": (-0.2, 0.3, 0.6, 0.9)}
    curve = _curve(correlated_errors(_model(PLAIN, frame), "B", "Y", **asked), "natural_indirect")[
        1
    ]
    e = {}
    for v in "my":
        line = np.polyfit(frame["b"], frame[v], 1)
        e[v] = frame[v] - np.polyval(line, frame["b"])
    # gamma is zero where rho is the correlation of the residuals on the treatment
    assert curve.zero == pytest.approx(np.corrcoef(e["m"], e["y"])[0, 1], abs=2e-6)
    assert 0 < curve.doubt < curve.zero


@pytest.mark.parametrize(("graph", "pair"), [(PLAIN, "MY"), (CHAIN, "SG"), (CHAIN, "CG")])
@pytest.mark.parametrize("context", [(), "k"])
def test_the_correction_is_the_root_that_row_level_least_squares_finds(graph, pair, context):
    rng = np.random.default_rng(3)
    frame = _plain(rng) if graph == PLAIN else _chain(rng, 30, 4)
    model = _model(graph, frame, context)
    first, second = (model.mechanisms[v].fit for v in pair)
    weights = np.random.default_rng(4).integers(1, 4, size=(3, model.clusters)).astype(float)
    prepared = pair_errors(first, second, model.groups, weights)
    slopes = control_slopes(prepared, 0.6)
    zeros = np.zeros((3, second.columns.shape[1])), np.zeros((3, model.groups.context_count))
    change, shift = correct(*zeros, prepared, 0.6)
    dummies = np.eye(model.groups.context_count)[model.groups.contexts]
    for r in range(3):
        root = np.sqrt(weights[r][model.groups.clusters])

        def solve(columns, response, root=root):
            X = np.column_stack([columns, dummies])
            beta = np.linalg.lstsq(X * root[:, None], response * root, rcond=None)[0]
            return beta, X @ beta

        def spread(x, root=root):
            return np.sqrt(np.average(x**2, weights=root**2))

        error = first.response - solve(first.columns, first.response)[1]

        def miss(slope, error=error):
            fitted = solve(second.columns, second.response - slope * error)[1]
            left = second.response - fitted
            return slope * spread(error) - 0.6 * spread(left)

        slope = optimize.brentq(miss, 0.0, 20.0, xtol=1e-12)
        assert slopes[r] == pytest.approx(slope, rel=1e-8)
        plain = solve(second.columns, second.response)[0]
        corrected = solve(second.columns, second.response - slope * error)[0]
        k = second.columns.shape[1]
        np.testing.assert_allclose(change[r], (corrected - plain)[:k], atol=1e-8)
        np.testing.assert_allclose(shift[r], (corrected - plain)[k:], atol=1e-8)


@pytest.mark.parametrize("sign", [1, -1])
def test_at_the_true_correlation_the_chain_gives_the_effect_that_hidden_causes_hid(sign):
    # 30,000 runs: standard errors near 0.01
    frame = _chain(np.random.default_rng(5), clusters=1000, repeats=10, c=sign)
    asked = {"at": [1.0], "baseline": 0.0, "draws": 100, "pairs": ["SG"]}
    asked |= {"rhos": (-0.7, -RHO, RHO, 0.7)}
    found = correlated_errors(_model(CHAIN, frame), "B", "G", **asked)
    total, curve = _curve(found, "total")
    gap = _curve(found, "gap")[1]
    # least squares of G on C is off by Cov(e1, e2) 0.9 / Var(C), that is 0.9 / 2.7427
    variance_c = 0.81 * (0.64 * (2 / 3 + 0.25) + 2) + 0.25
    biased = 0.72 * (0.7 + sign * 0.9 / variance_c)
    assert curve.uncorrelated.estimate == pytest.approx(biased, abs=0.02)
    assert abs(biased - 0.504) > 0.2
    assert total[sign * RHO].estimate == pytest.approx(0.504, abs=0.02)
    assert gap.zero == pytest.approx(sign * RHO, abs=0.05)
    assert gap.uncorrelated.excludes_zero


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_direct_and_indirect_effects_sum_to_the_total_at_every_correlation(rho):
    model = _model(PLAIN, _plain(np.random.default_rng(6)))
    asked = {"at": [1.0, 2.0], "baseline": 0.0, "draws": 100, "rhos": (-0.5, 0.5)}
    found = correlated_errors(model, "B", "Y", **asked)
    for value in (1.0, 2.0):
        parts = {c.part: c for c in found.pairs[0].curves if c.value == value}
        at = parts["total"].rhos.index(rho)
        total, direct, indirect = (
            parts[p].estimates[at].estimate
            for p in ("total", "natural_direct", "natural_indirect")
        )
        assert total == pytest.approx(direct + indirect, abs=1e-12)


def test_without_correlation_nothing_is_corrected():
    model = _model(CHAIN, _chain(np.random.default_rng(7), 30, 3))
    first, second = model.mechanisms["S"].fit, model.mechanisms["G"].fit
    prepared = pair_errors(first, second, model.groups, np.ones((1, 30)))
    coefs = np.array([[0.7]])
    found = correct(coefs, np.zeros((1, 1)), prepared, 0.0)
    np.testing.assert_array_equal(found[0], coefs)
    np.testing.assert_array_equal(found[1], 0.0)


def test_frames_and_text_say_what_undoes_what():
    model = _model(CHAIN, _chain(np.random.default_rng(8), 40, 4))
    told = []
    found = correlated_errors(
        model, "B", "G", at=[1.0], baseline=0.0, draws=100, rhos=(-0.5, 0.9), progress=told.append
    )
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert [p.name for p in found.pairs] == ["N ~ S", "N ~ C", "N ~ G", "S ~ C", "S ~ G", "C ~ G"]
    frame = found.to_frame()
    assert list(frame.columns[:3]) == ["pair", "rho", "part"]
    assert len(frame) == 6 * 4 * 3
    assert len(found.roots_frame()) == 24
    gap = next(f for f in found.findings if f.test == "correlated errors (S ~ G, gap)")
    assert gap.verdict == "is fragile"
    assert "vanish at rho = +0." in gap.reading
    assert found.summary().count("\n") + 1 == len(found.findings)
    assert found.plot().get_xlabel() == "correlation of the errors of C and G"
    assert found.estimates[0].assumptions
    assert "correlation -0.5" in found.estimates[0].estimand


def test_errors_say_what_to_do():
    model = _model(CHAIN, _chain(np.random.default_rng(9), 20, 2))
    asked = {"at": [1.0], "baseline": 0.0, "draws": 100}
    with pytest.raises(ConfigurationError, match="no pair of different nodes of N, S, C, G"):
        correlated_errors(model, "B", "G", pairs=[("B", "G")], **asked)
    with pytest.raises(ConfigurationError, match="lies in"):
        correlated_errors(model, "B", "G", rhos=(-1.0, 0.5), **asked)


@pytest.mark.slow
def test_intervals_at_the_true_correlation_hold_the_truth_in_95_percent_of_data_sets():
    held = {"natural_direct": 0, "natural_indirect": 0}
    sets = 120
    truth = {"natural_direct": 0.3, "natural_indirect": 0.35}
    for seed in range(sets):
        frame = _plain(np.random.default_rng(seed), clusters=24, repeats=2, block_sd=0.5)
        asked = {"at": [1.0], "baseline": 0.0, "draws": 150, "rhos": (0.1, RHO)}
        found = correlated_errors(_model(PLAIN, frame, "k"), "B", "Y", **asked)
        for part, value in truth.items():
            e = _curve(found, part)[0][RHO]
            held[part] += e.lower <= value <= e.upper
    low, high = (stats.binom.ppf(q, sets, 0.95) for q in (0.0005, 0.9995))
    assert all(low <= count <= high for count in held.values()), held
