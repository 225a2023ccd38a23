"""How often intervals of each kind hold the truth, over simulated data sets, as JSON.

    OMP_NUM_THREADS=1 python -m tests.coverage --clusters 24 --strata unequal --repetitions 1000

One process, one line of JSON. Repetition i of seed s draws from SeedSequence([s, i]), so runs
with different seeds can be pooled. The truth is in closed form; "gap" is zero.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from causalhyper import LINEAR, RandomiseNode, fit
from causalhyper.queries.ablations.query import ablation_worlds
from causalhyper.queries.experiments.experiment import Experiment, natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.experiments.uncertainty import FEW
from causalhyper.queries.mediation.query import mediation_worlds
from tests.simulated import CHAIN, ROLES, Truth, as_frame, design, draw_noise, respond

KINDS = ("t", "bootstrap", "percentile", "basic", "bca", "studentized")
STRATA = ("one", "equal", "unequal")
NAMES = ("design", "graph", "gap", "direct", "indirect", "change", "level")
DOSES, AT, REPEATS, BLOCK_SD = (1.0, 2.0, 4.0), (2.0, 4.0), 2, 0.5


@dataclass(frozen=True, slots=True)
class Population:
    """Clusters in strata: all in one; two halves alike; or a quarter with noise three times as
    large beside three quarters.
    """

    clusters: int
    strata: str = "one"
    truth: Truth = field(default_factory=Truth)

    @property
    def codes(self) -> np.ndarray:
        """Stratum of each cluster."""
        k = np.arange(self.clusters)
        return {"one": 0 * k, "equal": k % 2, "unequal": (k >= self.clusters // 4) * 1}[
            self.strata
        ]

    @property
    def scales(self) -> np.ndarray:
        """Standard deviation of the noise in each cluster, relative to the truth's."""
        return np.where((self.strata == "unequal") & (self.codes == 0), 3.0, 1.0)

    def runs(self, rng: np.random.Generator) -> pd.DataFrame:
        """Complete blocks, with independent cluster effects in every node."""
        k, b = design(self.clusters, DOSES, REPEATS)
        noise = draw_noise(self.truth, rng, len(b))
        size = self.clusters
        e = {
            v: (x + rng.normal(scale=BLOCK_SD, size=size)[k]) * self.scales[k]
            for v, x in noise.items()
        }
        return as_frame(k, b, respond(self.truth, e, b)).assign(h=self.codes[k])

    def effects(self, b: float) -> dict[str, float]:
        """Closed forms of tests/queries/test_closed_forms.py; cluster effects are noise."""
        t = self.truth
        mu1, mu0, n_bar = (t.n0 + t.a * x for x in (b, DOSES[0], np.mean(DOSES)))
        D, m0, m_bar = mu1 - mu0, t.s0 + t.c * mu0, t.s0 + t.c * n_bar
        total = t.g * ((t.p + t.q * t.c + t.r * t.s0) * D + t.r * t.c * (mu1**2 - mu0**2))
        v1 = (t.v[0] + BLOCK_SD**2) * (self.scales**2).mean()

        def natural(mu: float) -> float:
            m = t.s0 + t.c * mu
            return t.p * mu + t.q * m + t.r * (mu * m + t.c * v1)

        def ablated(mu: float) -> float:
            return t.p * mu + t.q * m_bar + t.r * mu * m_bar

        found = (
            total,
            total,
            0.0,
            t.g * (t.p + t.r * m0) * D,
            t.g * (t.q + t.r * mu1) * t.c * D,
            t.g * (t.p + t.r * m_bar) * D - total,
            t.g * sum(ablated(mu) - natural(mu) for mu in (mu1, mu0)) / 2,
        )
        return dict(zip(NAMES, found, strict=True))


def quantities(e: Experiment) -> np.ndarray:
    """Every estimand at each value of AT, shape (rows, values, NAMES)."""
    operation = RandomiseNode("S")
    through, ablated = mediation_worlds(e, ("S",)), ablation_worlds(e, (operation,))
    means = e.means({"natural": natural_world, **through, **ablated})
    natural, (fixed, moving) = means["natural"], [means[k] for k in list(through)[:2]]
    after = means[next(iter(ablated))]
    total = natural[:, 1:] - natural[:, :1]
    own = e.design.contrasts(e.replicates.weights)
    shift = after - natural
    parts = (
        own,
        total,
        total - own,
        fixed[:, 1:] - fixed[:, :1],
        moving[:, 1:] - fixed[:, 1:],
        after[:, 1:] - after[:, :1] - total,
        (shift[:, 1:] + shift[:, :1]) / 2,
    )
    return np.stack(parts, axis=2)


def judge(
    population: Population, rng: np.random.Generator, kinds: tuple[str, ...], draws: int
) -> dict:
    """Whether intervals and bands held, widths, and whether the gap test rejected, by kind."""
    model = fit(
        CHAIN,
        population.runs(rng),
        ROLES,
        protocol="p",
        cluster="k",
        context=() if population.strata == "one" else "h",
        mechanisms=LINEAR,
    )
    most = "studentized" if "studentized" in kinds else "bca"
    seed = int(rng.integers(2**31))
    e = make_experiment(
        model, "B", "G", at=AT, baseline=DOSES[0], draws=draws, seed=seed, interval=most
    )
    found = quantities(e)
    truth = np.array([list(population.effects(b).values()) for b in AT])
    out = {}
    for kind in kinds:
        own = "jackknife" if population.clusters <= FEW else "bootstrap"
        named = own if kind == "t" else kind
        bare = named in ("bootstrap", "percentile", "basic")
        u = replace(e.uncertainty, kind=named, left=None if bare else e.uncertainty.left)
        each = [u.bands(found[:, :, i]) for i in range(len(NAMES))]
        held = [(b.lower <= t) & (t <= b.upper) for b, t in zip(each, truth.T, strict=True)]
        both = [
            ((b.joint_lower <= t) & (t <= b.joint_upper)).all()
            for b, t in zip(each, truth.T, strict=True)
        ]
        wide = [b.upper[-1] - b.lower[-1] for b in each]
        out[kind] = ([h[-1] for h in held], both, wide, each[2].p_value <= 0.05)
    return out


def simulate(
    population: Population,
    repetitions: int,
    *,
    seed: int = 0,
    kinds: tuple[str, ...] = KINDS,
    draws: int = 199,
) -> dict[str, object]:
    """Shares over data sets.

    `coverage` and `width` (relative to the first kind's) are of the pointwise interval at the
    last value; `joint` is how often the simultaneous band holds the whole curve; `gap_test` how
    often the right hypergraph is rejected at 5%.
    """
    began = time.perf_counter()
    rngs = (np.random.default_rng(np.random.SeedSequence([seed, i])) for i in range(repetitions))
    judged = [judge(population, rng, kinds, draws) for rng in rngs]

    def shares(kind: str, part: int) -> dict[str, float]:
        table = np.array([j[kind][part] for j in judged], dtype=float).mean(axis=0)
        return dict(zip(NAMES, table.round(5).tolist(), strict=True))

    widths = {kind: shares(kind, 2) for kind in kinds}
    first = widths[kinds[0]]
    return {
        "clusters": population.clusters,
        "strata": population.strata,
        "repetitions": repetitions,
        "draws": draws,
        "seed": seed,
        "seconds": round(time.perf_counter() - began, 1),
        "coverage": {kind: shares(kind, 0) for kind in kinds},
        "joint": {kind: shares(kind, 1) for kind in kinds},
        "width": {k: {n: round(w[n] / first[n], 3) for n in NAMES} for k, w in widths.items()},
        "gap_test": {kind: float(np.mean([j[kind][3] for j in judged])) for kind in kinds},
    }


def main() -> None:
    """Simulate one population and write one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=24)
    parser.add_argument("--strata", choices=STRATA, default="one")
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default=",".join(KINDS))
    o = parser.parse_args()
    population = Population(o.clusters, o.strata)
    kinds = tuple(o.kinds.split(","))
    found = simulate(population, o.repetitions, seed=o.seed, kinds=kinds, draws=o.draws)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
