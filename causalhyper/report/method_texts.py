"""What a report says of each method that it can use, and the works behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from causalhyper.report.references import REFERENCES


@dataclass(frozen=True, slots=True)
class Method:
    """A method in a sentence or two.

    Attributes
    ----------
    text : str
    sources : tuple of str
        Keys of `REFERENCES`.
    """

    text: str
    sources: tuple[str, ...] = ()

    @property
    def cited(self) -> str:
        """The text with its sources behind it."""
        return f"{self.text} ({'; '.join(self.sources)})." if self.sources else f"{self.text}."

    @property
    def entries(self) -> tuple[str, ...]:
        """Its sources as a list of references has them."""
        return tuple(f"{name}. {REFERENCES[name]}" for name in self.sources)


def _methods() -> dict[str, Method]:
    return {
        "additive": Method(
            "Mechanisms are sums of one term a hyperedge, straight lines or natural splines for "
            "single causes and their products for causes that act together, fitted by least "
            "squares beside an intercept for each context",
            ("Hastie, Tibshirani and Friedman 2009",),
        ),
        "pooled": Method(
            "Intercepts of contexts are drawn to their mean as far as their variance says, by "
            "restricted maximum likelihood",
            ("Patterson and Thompson 1971",),
        ),
        "binomial": Method(
            "Proportions are binomial with an additive logit, and their errors come from "
            "resampled clusters",
            ("McCullagh and Nelder 1989",),
        ),
        "flow": Method(
            "Noise that is not normal or of unequal spread is a conditional normalising flow",
            ("Pawlowski, Castro and Glocker 2020", "Hothorn, Möst and Bühlmann 2018"),
        ),
        "table": Method("Nodes of few values have tables of conditional frequencies"),
        "regressor": Method("Some mechanisms are regressors with noise drawn from residuals"),
        "cross_validated": Method(
            "Their form is the first candidate within one standard error of the smallest error at "
            "clusters left out",
            ("Breiman, Friedman, Olshen and Stone 1984",),
        ),
        "jackknife": Method(
            "Standard errors come from leaving out one cluster at a time, with Student's t",
            ("Efron and Stein 1981", "Cameron and Miller 2015"),
        ),
        "bootstrap": Method(
            "Clusters are resampled whole, by the rescaled bootstrap", ("Rao and Wu 1988",)
        ),
        "percentile": Method(
            "Intervals are quantiles of the replicates", ("Efron and Tibshirani 1993",)
        ),
        "basic": Method(
            "Intervals are mirrored quantiles of the replicates", ("Efron and Tibshirani 1993",)
        ),
        "bca": Method("Intervals are quantiles corrected for bias and skewness", ("Efron 1987",)),
        "studentized": Method(
            "Intervals are quantiles of the bootstrap's own t statistics",
            ("Efron and Tibshirani 1993",),
        ),
        "joint": Method(
            "Simultaneous bands use the maximum of the replicates' scaled deviations",
            ("Westfall and Young 1993",),
        ),
        "identify": Method(
            "The ID algorithm says whether an effect is identified, and by which estimand",
            ("Shpitser and Pearl 2006",),
        ),
        "sets": Method(
            "Adjustment sets, front-door sets and instruments are found from the graph",
            (
                "Shpitser, VanderWeele and Robins 2010",
                "Henckel, Perković and Maathuis 2022",
                "Pearl 2009",
            ),
        ),
        "identify_paths": Method(
            "Natural and path-specific effects are identified without a recanting witness",
            ("Avin, Shpitser and Pearl 2005", "Shpitser 2013"),
        ),
        "design": Method(
            "The design's contrasts are differences in means within blocks, and need no hypergraph"
        ),
        "adjusted": Method(
            "Adjusted contrasts are regressions standardised over a back-door set",
            ("Robins 1986", "Henckel, Perković and Maathuis 2022"),
        ),
        "graph": Method(
            "Effects through the hypergraph are means under the truncated factorisation, with the "
            "same noise in all worlds that are compared",
            ("Robins 1986", "Pearl 2009"),
        ),
        "gap": Method(
            "The gap test asks whether the hypergraph's curve equals one that assumes less, over "
            "all pairs of values",
            ("Westfall and Young 1993",),
        ),
        "interventional": Method(
            "Interventional effects draw the mediator at random from its distribution under a "
            "value",
            ("VanderWeele, Vansteelandt and Robins 2014",),
        ),
        "natural": Method(
            "Natural effects give a run the mediator that it would have had under another value",
            ("Robins and Greenland 1992", "Pearl 2001"),
        ),
        "interaction": Method(
            "The four-way decomposition parts them from interactions", ("VanderWeele 2014",)
        ),
        "coupling": Method(
            "With a recanting witness they depend on how the noise of the worlds hangs together, "
            "and are shown under a second coupling",
            ("Avin, Shpitser and Pearl 2005",),
        ),
        "ablate": Method(
            "Ablations are interventions: an arc or hyperedge receives draws from a stated "
            "reference distribution, a node is set or randomised",
            ("Janzing, Balduzzi, Grosse-Wentrup and Schölkopf 2013",),
        ),
        "paths": Method(
            "Effects along paths give a new value to these paths alone",
            ("Pearl 2001", "Shpitser 2013"),
        ),
        "shapley": Method(
            "Shapley shares average what a part adds over all orders", ("Shapley 1953",)
        ),
        "refit": Method(
            "A model without a hyperedge is fitted again and compared by likelihood and by its "
            "error at clusters left out",
            ("Akaike 1974", "Stone 1974"),
        ),
        "marginalise": Method(
            "A node is left out by latent projection", ("Verma and Pearl 1990",)
        ),
        "do": Method(
            "Distributions under an intervention follow the truncated factorisation",
            ("Pearl 2009",),
        ),
        "density": Method("Densities have a normal kernel", ("Silverman 1986",)),
        "counterfactual": Method(
            "Counterfactuals keep each run's own noise: abduction, action, prediction",
            ("Pearl 2009",),
        ),
        "policy": Method(
            "Values are compared with the best of the others, simultaneously; the probability of "
            "being best is that of a confidence distribution",
            ("Hsu 1984", "Edwards and Hsu 1983", "Schweder and Hjort 2016"),
        ),
        "power": Method(
            "Plans use the noncentral t distribution, with the interval of the pilot's spread",
            ("Cohen 1988", "Browne 1995"),
        ),
        "partial_correlation": Method(
            "Independencies are tested by partial correlations beside contexts, with sign flips "
            "of clusters",
            (
                "Shah and Peters 2020",
                "Cameron, Gelbach and Miller 2008",
                "Bell and McCaffrey 2002",
            ),
        ),
        "kernel": Method(
            "Independencies are tested by random features of residuals",
            ("Strobl, Zhang and Visweswaran 2019",),
        ),
        "bh": Method(
            "P-values of independencies are adjusted by Benjamini and Hochberg's procedure",
            ("Benjamini and Hochberg 1995",),
        ),
        "by": Method(
            "P-values of independencies are adjusted by Benjamini and Yekutieli's procedure",
            ("Benjamini and Yekutieli 2001",),
        ),
        "holm": Method(
            "P-values of independencies are adjusted by Holm's procedure", ("Holm 1979",)
        ),
        "falsify": Method(
            "The hypergraph is held against the same hypergraph with its nodes permuted",
            ("Eulig, Mastakouri, Blöbaum, Hardt and Janzing 2023",),
        ),
        "randomisation": Method(
            "Randomisation tests deal the treatment again as it was dealt; constant effects "
            "invert them",
            ("Fisher 1935", "Wu and Ding 2021", "Rosenbaum 2002"),
        ),
        "wild": Method(
            "Contrasts are tested by the restricted wild cluster bootstrap",
            (
                "Cameron, Gelbach and Miller 2008",
                "MacKinnon, Nielsen and Webb 2023",
                "Webb 2023",
            ),
        ),
        "refute": Method(
            "Placebo treatments are dealt within blocks, and random causes, subsets of clusters "
            "and dummy outcomes tried, each with all mechanisms fitted again",
            ("Fisher 1935",),
        ),
        "e_values": Method(
            "E-values are the risk ratios that an unmeasured cause would need",
            ("VanderWeele and Ding 2017",),
        ),
        "partial_r2": Method(
            "Robustness values and bounds of slopes follow from partial R²",
            ("Cinelli and Hazlett 2020",),
        ),
        "correlated_errors": Method(
            "Effects are computed again as if the errors of two mechanisms were correlated",
            ("Imai, Keele and Yamamoto 2010",),
        ),
        "leave_out": Method("Effects are estimated again without each group of runs"),
    }


METHODS: Mapping[str, Method] = MappingProxyType(_methods())
"""Methods by name, in the order in which a report tells them."""
