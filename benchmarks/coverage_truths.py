"""True values of every estimand of benchmarks/coverage.py, by quadrature over the true model.

The true model is that of tests/simulated.py: normal noise, and polynomials. Every world is run at
the nodes of Gauss and Hermite's rule in place of random noise; of polynomials of so low a degree
that rule gives the mean exactly. Nothing of the library is used. Cluster effects are part of each
node's noise: the population is that of runs, over all clusters.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import optimize, stats

from tests.simulated import Truth, respond

DOSES = (1.0, 2.0, 4.0)
BASELINE, AT = 1.0, (2.0, 4.0)
REPEATS, BLOCK_SD = 2, 0.5
HELD = 0.5
"""Where S is held in controlled worlds."""
N_LOW, N_HIGH = 1.0, 3.0
"""Values of N that are compared, B being a common cause."""
PRICE, COST, COST_SLOPE = 0.3, 1.0, -0.5
"""Of the column of costs: COST + COST_SLOPE b on average."""
QUANTILES, ABOVE, POINT = (0.1, 0.5, 0.9), -0.5, 0.0

Array = np.ndarray
Effects = dict[str, float]


@dataclass(frozen=True)
class Grid:
    """Nodes for three independent runs: the run itself, another, and a third.

    The last two may be observed runs, at a dose of the design drawn at random.
    """

    truth: Truth
    nodes: dict[str, Array] = field(init=False)
    weights: Array = field(init=False)

    def __post_init__(self) -> None:
        z, w = np.polynomial.hermite_e.hermegauss(3)
        dose, equal = np.array(DOSES), np.full(len(DOSES), 1 / len(DOSES))
        normal = {k: (z, w / w.sum()) for k in ("N", "S", "N2", "S2", "N3", "S3")}
        axes = normal | {"b2": (dose, equal), "b3": (dose, equal)}
        values = np.meshgrid(*(x for x, _ in axes.values()), indexing="ij")
        shares = np.meshgrid(*(p for _, p in axes.values()), indexing="ij")
        object.__setattr__(self, "nodes", dict(zip(axes, map(np.ravel, values), strict=True)))
        object.__setattr__(self, "weights", np.prod(shares, axis=0).ravel())

    def noise(self, run: str = "") -> dict[str, Array]:
        """Noise of one run: "" for the run itself, "2" and "3" for the others."""
        sd = spread(self.truth)
        return {v: sd[v] * self.nodes[v + run] for v in ("N", "S")} | {"C": 0.0, "G": 0.0}

    def run(self, b: float, run: str = "") -> dict[str, Array]:
        """One run under do(b)."""
        return respond(self.truth, self.noise(run), b)

    def observed(self, run: str) -> dict[str, Array]:
        """An observed run, at the dose it was given."""
        return respond(self.truth, self.noise(run), self.nodes[f"b{run}"])

    def world(self, b: float, **changed: object) -> float:
        """E[G] in a world of the run itself."""
        values = respond(self.truth, self.noise(), b, **changed)["G"]
        return float(self.weights @ np.broadcast_to(values, self.weights.shape))


def spread(t: Truth) -> dict[str, float]:
    """Standard deviation of each node's noise, with its cluster effects."""
    return {k: (v + BLOCK_SD**2) ** 0.5 for k, v in zip("NSCG", t.v, strict=True)}


def mediation(grid: Grid, b: float, b0: float = BASELINE) -> Effects:
    """Effects through and past S."""
    y = {x: grid.world(x) for x in (b, b0)}
    own = {x: grid.run(x)["S"] for x in (b, b0)}
    drawn = {x: grid.run(x, "2")["S"] for x in (b, b0)}
    other = respond(grid.truth, grid.noise() | {"N": grid.noise("2")["N"]}, b0)["S"]
    nested, carried = grid.world(b, s=own[b0]), grid.world(b0, s=own[b])
    fixed = grid.world(b, s=drawn[b0])
    controlled = grid.world(b, s=HELD) - grid.world(b0, s=HELD)
    found = {
        "total": y[b] - y[b0],
        "direct": fixed - grid.world(b0, s=drawn[b0]),
        "indirect": grid.world(b, s=drawn[b]) - fixed,
        "natural_direct": nested - y[b0],
        "natural_indirect": y[b] - nested,
        "natural_direct_total": y[b] - carried,
        "natural_indirect_pure": carried - y[b0],
        "mediated_interaction": y[b] - nested - carried + y[b0],
        "controlled_direct": controlled,
        "reference_interaction": nested - y[b0] - controlled,
        "natural_coupling": grid.world(b, s=other) - nested,
    }
    return found | {"remainder": found["total"] - found["direct"] - found["indirect"]}


def path_effects(grid: Grid, b: float, b0: float = BASELINE) -> Effects:
    """Effects along each path of {B, N} -> S; {N, S} -> C, and shifts by another coupling.

    Without B in S's mechanism the last path is none, and has no effect.
    """
    t, own, other = grid.truth, grid.noise(), grid.noise() | {"N": grid.noise("2")["N"]}
    n, elsewhere = ({x: respond(t, e, x)["N"] for x in (b, b0)} for e in (own, other))

    def s(dose: float, received: Array) -> Array:
        return respond(t, own, dose, n_into_s=received)["S"]

    def world(into_n: Array, into_s: Array) -> float:
        return grid.world(b0, into_c=(into_n, into_s)) - start

    start = grid.world(b0)
    past, through = world(n[b], s(b0, n[b0])), world(n[b0], s(b0, n[b]))
    return {
        "along B -> N -> C -> G": past,
        "along B -> N -> S -> C -> G": through,
        "along B -> S -> C -> G": world(n[b0], s(b, n[b0])),
        "coupling_shift B -> N -> C -> G": world(n[b], s(b0, elsewhere[b0])) - past,
        "coupling_shift B -> N -> S -> C -> G": world(n[b0], s(b0, elsewhere[b])) - through,
    }


def effect_of_n(grid: Grid) -> float:
    """E[G | do(N_HIGH)] - E[G | do(N_LOW)], over the doses of the design."""
    high, low = (np.mean([grid.world(b, n=n) for b in DOSES]) for n in (N_HIGH, N_LOW))
    return float(high - low)


def _projection(grid: Grid, onto: tuple[str, ...], values: Array) -> Array:
    """Coefficients of 1 and the named nodes that fit values best in the observed runs."""
    seen = grid.observed("2")
    x = np.column_stack([np.ones(len(values)), *(seen[v] for v in onto)])
    root = np.sqrt(grid.weights)
    return np.linalg.lstsq(x * root[:, None], values * root, rcond=None)[0]


def ablations(grid: Grid, b: float, b0: float = BASELINE) -> dict[str, Effects]:
    """Effect after, its change, and the change of the level, for each operation."""
    t, one, two = grid.truth, grid.observed("2"), grid.observed("3")
    run = {x: grid.run(x) for x in (b, b0)}
    mean_n, mean_s = (float(grid.weights @ one[v]) for v in "NS")

    def marginal(x: float) -> float:
        value = t.r * (mean_s * run[x]["N"] + mean_n * run[x]["S"] - mean_n * mean_s)
        return grid.world(x, product_value=value)

    worlds = {
        "RandomiseNode S": lambda x: grid.world(x, s=one["S"]),
        "FixNode S": lambda x: grid.world(x, s=HELD),
        "CutEdge N -> C": lambda x: grid.world(x, into_c=(one["N"], run[x]["S"])),
        "CutHyperedge joint": lambda x: grid.world(x, into_c=(one["N"], one["S"])),
        "CutHyperedge product": lambda x: grid.world(x, into_c=(one["N"], two["S"])),
        "DropInteraction product": marginal,
    }
    return {name: _ablation(grid, world, b, b0) for name, world in worlds.items()}


def _ablation(grid: Grid, world: object, b: float, b0: float) -> Effects:
    high, low = world(b), world(b0)
    y, y0 = grid.world(b), grid.world(b0)
    return {
        "after": high - low,
        "change": high - low - (y - y0),
        "level": (high - y + low - y0) / 2,
    }


def shares(grid: Grid, b: float, b0: float = BASELINE) -> Effects:
    """Shapley shares of B -> N; N -> S; {N, S} -> C; C -> G: of its mediators, and of its paths.

    N and C are needed by every coalition of mediators, so S gets a third of what it adds.
    """
    total = grid.world(b) - grid.world(b0)
    without = ablations(grid, b, b0)["RandomiseNode S"]["after"]
    path = path_effects(grid, b, b0)
    past, through = path["along B -> N -> C -> G"], path["along B -> N -> S -> C -> G"]
    third = (total - without) / 3
    return {
        "randomise N": without / 2 + third,
        "randomise S": third,
        "randomise C": without / 2 + third,
        "B -> N -> C -> G": (past + total - through) / 2,
        "B -> N -> S -> C -> G": (through + total - past) / 2,
    }


def refits(grid: Grid, b: float, b0: float = BASELINE) -> Effects:
    """Effects by models of the wrong form, in the limit of many clusters: least squares."""
    t, seen = grid.truth, grid.observed("2")
    c = respond(t, grid.noise("2"), grid.nodes["b2"])["C"]
    _, on_n, on_s = _projection(grid, ("N", "S"), c)
    _, alone = _projection(grid, ("N",), c)
    _, slope = _projection(grid, ("N",), seen["S"])
    step, total = t.a * (b - b0), grid.world(b) - grid.world(b0)
    return {
        "without {N, S} -> C": t.g * (on_n + on_s * slope) * step - total,
        "leave out S": t.g * alone * step - total,
    }


class Law:
    """Distribution of G under do(b): given N it is normal, and N is integrated out."""

    def __init__(self, t: Truth, b: float) -> None:
        z, w = np.polynomial.hermite_e.hermegauss(80)
        sd = spread(t)
        n = t.n0 + t.a * b + sd["N"] * z
        slope = t.q + t.r * n
        s = t.s0 + t.d * b + (t.c + t.h * b) * n
        self.weights, self.means = w / w.sum(), t.g0 + t.g * (t.c0 + t.p * n + slope * s)
        self.variances = t.g**2 * (slope**2 * sd["S"] ** 2 + sd["C"] ** 2) + sd["G"] ** 2

    @property
    def mean(self) -> float:
        """Expectation."""
        return float(self.weights @ self.means)

    @property
    def sd(self) -> float:
        """Standard deviation."""
        second = self.weights @ (self.means**2 + self.variances)
        return float(np.sqrt(second - self.mean**2))

    def above(self, x: float) -> float:
        """P(G > x)."""
        return float(self.weights @ stats.norm.sf(x, self.means, np.sqrt(self.variances)))

    def quantile(self, level: float) -> float:
        """Quantile."""
        reach = 50 * self.sd
        return float(
            optimize.brentq(lambda x: self.above(x) - (1 - level), -reach, reach, xtol=1e-12)
        )

    def density(self, x: float, kernel_sd: float) -> float:
        """Density, smoothed by a normal kernel."""
        wide = np.sqrt(self.variances + kernel_sd**2)
        return float(self.weights @ stats.norm.pdf(x, self.means, wide))
