"""What is pruned: data sets, methods, sparsities, seeds and protocols, all in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from causalhyper.granger.criteria import Criterion, named
from collectors.ensembles.pruning import Ladder, Method, ladder
from collectors.pruning import PruningSettings


@dataclass(frozen=True, slots=True)
class Source:
    """A data set.

    Attributes
    ----------
    name : str
        In the frames, and of its files.
    published : float
        Share that the paper's table 2 prunes of LeNet by the causal criterion.
    validation : int
        Training images held out, the last ones.
    """

    name: str
    published: float
    validation: int = 10_000


@dataclass(frozen=True, slots=True)
class Study:
    """Sizes that all runs share.

    Attributes
    ----------
    seeds, tuning_seeds : tuple of int
        Of the table and of the tuning; none is in both.
    sparsities : tuple of float
        Shares pruned.
    with_published : bool
        Prune as much as the paper's table 2 too.
    tuned_at : float
        The sparsity at which the rate of post-training is tuned, for all.
    strong_sparsities : tuple of float
        Of the strong protocol, at whose networks post-training has the tuned rates.
    rates : tuple of float
        Grid of the tuning, increasing; holds the paper's.
    batch_size : int
        Of a minibatch.
    validation : int or None
        Training images held out, instead of each data set's own.
    settings : PruningSettings
        Lengths and rates of the paper; post-training may be shorter.
    stop_on : str
        "train" or "validation", see `posttrain_rows`.
    chosen : tuple of str
        Methods of the main set; all unless given. Controls come with the method whose they are.
    kept_seeds : int
        Final weights are kept of the first seeds, so many.
    kept_methods : tuple of str
        Of these methods: by default those of the paper's question, the strongest baselines, and
        the control that has as many weights as the paper's rule leaves.
    kept_targets : tuple of float
        At these sparsities, at the paper's, and where the criterion chose.
    protocol : {"paper", "ladder"}
        What runs at the paper's rate are called: "ladder" where they are for the fall of accuracy
        over many sparsities, on seeds that the other may have too; in a folder of their own.
    """

    seeds: tuple[int, ...] = (100, 101, 102, 103, 104)
    tuning_seeds: tuple[int, ...] = (200, 201)
    sparsities: tuple[float, ...] = (0.95, 0.98, 0.99)
    with_published: bool = True
    tuned_at: float = 0.98
    strong_sparsities: tuple[float, ...] = (0.95, 0.98, 0.99)
    rates: tuple[float, ...] = (2.5e-4, 5e-4, 1e-3, 2e-3)
    batch_size: int = 512
    validation: int | None = None
    settings: PruningSettings = field(default_factory=lambda: PruningSettings(n_post=60))
    stop_on: str = "train"
    chosen: tuple[str, ...] = ()
    kept_seeds: int = 0
    kept_methods: tuple[str, ...] = (
        "dense", "magnitude", "magnitude-later", "lamp", "fisher", "movement", "gain",
        "causal-covariance", "causal-marginal", "causal-covariance-shifted",
        "causal-published-1e-14", "magnitude at causal-published-1e-14", "random",
    )  # fmt: skip
    kept_targets: tuple[float, ...] = (0.98,)
    protocol: str = "paper"

    def keeps(self, source: Source, seed: int, method: str, target: float | None) -> bool:
        """Whether the final weights of a network are kept; the dense one's are at any target."""
        shares = {*self.kept_targets, source.published, 0.0, None}
        chosen = method in self.kept_methods and target in shares
        return chosen and seed in self.seeds[: self.kept_seeds]

    def strong_targets(self, source: Source) -> tuple[float, ...]:
        """Return the sparsities of the strong protocol: of its own those that there are, and 0."""
        return (0.0, *(t for t in self.ladder(source).stops if t in self.strong_sparsities))

    def ladder(self, source: Source, *, tuning: bool = False) -> Ladder:
        """Return the way down: of the tuning, as far as it goes."""
        shares = {*self.sparsities} | ({source.published} if self.with_published else set())
        found = ladder(sorted(shares), self.settings.n_iter, self.settings.schedule)
        if not tuning:
            return found
        last = found.stops[self.tuned_at]
        return Ladder(found.levels[:last], {self.tuned_at: last})


SOURCES = (
    Source("fashion_mnist", 0.6872),
    Source("cifar10", 0.963),
    Source("tiny_imagenet50", 0.9608, 2_000),
)
"""FashionMNIST has no published sparsity of 95% or more: the paper prunes 68.72% of it. The paper
has all 200 classes of Tiny-ImageNet; tiny_imagenet50 has 50 of them, 200 training images each."""

SETS = ("main", "lasso")
"""Methods that are pruned together. The lasso's hold all steps, and fit on the host."""

SCREENED = ("causal-covariance", "causal-correlation", "causal-marginal", "causal-next")
FITTED = ("causal-lasso", "causal-elastic-net")
LATER = ("magnitude", "lamp", "obd", "woodfisher")
"""Ranked after ten more epochs of Adam as well, before all go back."""
COLLECTED_LATER = ("causal-covariance", "fisher", "gain")
"""Collected after as many epochs of Adam, from later weights, before all go back."""
MORE = 10
EXACT = {f"causal-published-{l1:g}": l1 for l1 in (1e-14, 1e-15, 1e-16)}
"""The paper's rule and L1_coeff, which decide how many are kept; its value for LeNet is 1e-14.

It leaves no weight of LeNet on FashionMNIST here; smaller ones let more through."""
SHIFT = 100
"""Steps by which the control's losses are shifted."""


def methods(chosen: str) -> tuple[Method, ...]:
    """Return the methods of a set.

    Parameters
    ----------
    chosen : {"main", "lasso"}

    Returns
    -------
    tuple of Method

    Examples
    --------
    >>> [m.name for m in methods("lasso")][:3]
    ['causal-lasso', 'causal-elastic-net', 'random at causal-lasso']
    """
    if chosen == "lasso":
        return (*(Method(n, named(n)) for n in FITTED), *_controls(FITTED))
    covariance, correlation, marginal = (
        Method(f"causal-{s}", named("causal", statistic=s, name=f"causal-{s}"))
        for s in ("covariance", "correlation", "marginal")
    )
    following = named("causal", statistic="marginal", response="next", name="causal-next")
    shifted = named("causal-shifted", criterion=covariance.criterion, shift=SHIFT)
    exact = [
        Method(n, named("causal-published", form="sums", l1=l1, name=n), scope="layer", free=True)
        for n, l1 in EXACT.items()
    ]
    return (
        covariance,
        correlation,
        marginal,
        Method("causal-next", following),
        Method("causal-covariance-shifted", shifted),
        *exact,
        Method("gain", named("gain")),
        Method("movement", named("movement")),
        Method("fisher", named("fisher")),
        Method("magnitude", named("magnitude")),
        Method("magnitude-uniform", named("magnitude", name="magnitude-uniform"), scope="layer"),
        Method("lamp", named("lamp")),
        Method("taylor", named("taylor")),
        Method("obd", named("obd")),
        Method("woodfisher", named("woodfisher")),
        *(Method(f"{n}-later", named(n, name=f"{n}-later"), collecting="adam") for n in LATER),
        *(Method(f"{n}-later", _later(n), more=MORE) for n in COLLECTED_LATER),
        Method("random", named("random"), collecting="none"),
        *_controls((*SCREENED, *EXACT)),
    )


def _later(name: str) -> Criterion:
    """Return a criterion under a name of its own."""
    if name.startswith("causal-"):
        statistic = name.removeprefix("causal-")
        return named("causal", statistic=statistic, name=f"{name}-later")
    return named(name, name=f"{name}-later")


def main_methods(study: Study) -> tuple[Method, ...]:
    """Return the methods of the main set that a study has, see `chosen_methods`."""
    return chosen_methods(methods("main"), study.chosen)


def chosen_methods(rules: Sequence[Method], names: Sequence[str]) -> tuple[Method, ...]:
    """Return some methods, with the controls that have their numbers of parameters.

    Parameters
    ----------
    rules : sequence of Method
        All.
    names : sequence of str
        Of those that are chosen; all for none.

    Returns
    -------
    tuple of Method
        In the order of the rules.

    Examples
    --------
    >>> [m.name for m in chosen_methods(methods("lasso"), ["causal-lasso"])]
    ['causal-lasso', 'random at causal-lasso', 'magnitude at causal-lasso']
    """
    return tuple(m for m in rules if not names or m.name in names or m.counts_of in names)


def strong_methods(rules: Sequence[Method]) -> tuple[Method, ...]:
    """Return the methods that the strong protocol tunes: those that are asked for a sparsity.

    Parameters
    ----------
    rules : sequence of Method
        All. Controls of layer counts answer a question about masks, which the paper's protocol
        asks, and have no rate of their own.

    Returns
    -------
    tuple of Method
    """
    return tuple(m for m in rules if not m.free and m.counts_of is None)


def _controls(of: tuple[str, ...]) -> list[Method]:
    """Chance and magnitude with the numbers of parameters that methods keep of each layer."""
    found = []
    for name in of:
        for how, options in (("random", {}), ("magnitude", {"at": "rewound"})):
            rule = named(how, name=f"{how} at {name}", **options)
            found.append(Method(rule.name, rule, collecting="none", counts_of=name))
    return found
