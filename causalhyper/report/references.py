"""Works that the methods of a report rest on."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

REFERENCES: Mapping[str, str] = MappingProxyType(
    {
        "Akaike 1974": (
            "A new look at the statistical model identification. IEEE Transactions on "
            "Automatic Control 19, 716–723."
        ),
        "Avin, Shpitser and Pearl 2005": (
            "Identifiability of path-specific effects. Proceedings of IJCAI, 357–363."
        ),
        "Bell and McCaffrey 2002": (
            "Bias reduction in standard errors for linear regression with multi-stage "
            "samples. Survey Methodology 28, 169–181."
        ),
        "Benjamini and Hochberg 1995": (
            "Controlling the false discovery rate. Journal of the Royal Statistical Society"
            " B 57, 289–300."
        ),
        "Benjamini and Yekutieli 2001": (
            "The control of the false discovery rate in multiple testing under dependency. "
            "Annals of Statistics 29, 1165–1188."
        ),
        "Breiman, Friedman, Olshen and Stone 1984": (
            "Classification and Regression Trees. Wadsworth."
        ),
        "Browne 1995": (
            "On the use of a pilot sample for sample size determination. Statistics in "
            "Medicine 14, 1933–1940."
        ),
        "Cameron and Miller 2015": (
            "A practitioner's guide to cluster-robust inference. Journal of Human Resources"
            " 50, 317–372."
        ),
        "Cameron, Gelbach and Miller 2008": (
            "Bootstrap-based improvements for inference with clustered errors. Review of "
            "Economics and Statistics 90, 414–427."
        ),
        "Cinelli and Hazlett 2020": (
            "Making sense of sensitivity: extending omitted variable bias. Journal of the "
            "Royal Statistical Society B 82, 39–67."
        ),
        "Cohen 1988": (
            "Statistical Power Analysis for the Behavioral Sciences, second edition. Erlbaum."
        ),
        "Edwards and Hsu 1983": (
            "Multiple comparisons with the best treatment. Journal of the American "
            "Statistical Association 78, 965–971."
        ),
        "Efron 1987": (
            "Better bootstrap confidence intervals. Journal of the American Statistical "
            "Association 82, 171–185."
        ),
        "Efron and Stein 1981": (
            "The jackknife estimate of variance. Annals of Statistics 9, 586–596."
        ),
        "Efron and Tibshirani 1993": "An Introduction to the Bootstrap. Chapman and Hall.",
        "Eulig, Mastakouri, Blöbaum, Hardt and Janzing 2023": (
            "Toward falsifying causal graphs using a permutation-based test. arXiv:2305.09565."
        ),
        "Fisher 1935": "The Design of Experiments. Oliver and Boyd.",
        "Hastie, Tibshirani and Friedman 2009": (
            "The Elements of Statistical Learning, second edition. Springer."
        ),
        "Henckel, Perković and Maathuis 2022": (
            "Graphical criteria for efficient total effect estimation via adjustment in "
            "causal linear models. Journal of the Royal Statistical Society B 84, 579–599."
        ),
        "Holm 1979": (
            "A simple sequentially rejective multiple test procedure. Scandinavian Journal "
            "of Statistics 6, 65–70."
        ),
        "Hothorn, Möst and Bühlmann 2018": (
            "Most likely transformations. Scandinavian Journal of Statistics 45, 110–134."
        ),
        "Hsu 1984": (
            "Constrained simultaneous confidence intervals for multiple comparisons with "
            "the best. Annals of Statistics 12, 1136–1144."
        ),
        "Imai, Keele and Yamamoto 2010": (
            "Identification, inference and sensitivity analysis for causal mediation "
            "effects. Statistical Science 25, 51–71."
        ),
        "Janzing, Balduzzi, Grosse-Wentrup and Schölkopf 2013": (
            "Quantifying causal influences. Annals of Statistics 41, 2324–2358."
        ),
        "MacKinnon, Nielsen and Webb 2023": (
            "Fast and reliable jackknife and bootstrap methods for cluster-robust "
            "inference. Journal of Applied Econometrics 38, 671–694."
        ),
        "McCullagh and Nelder 1989": (
            "Generalized Linear Models, second edition. Chapman and Hall."
        ),
        "Patterson and Thompson 1971": (
            "Recovery of inter-block information when block sizes are unequal. Biometrika "
            "58, 545–554."
        ),
        "Pawlowski, Castro and Glocker 2020": (
            "Deep structural causal models for tractable counterfactual inference. Advances"
            " in Neural Information Processing Systems 33."
        ),
        "Pearl 2001": "Direct and indirect effects. Proceedings of UAI, 411–420.",
        "Pearl 2009": "Causality, second edition. Cambridge University Press.",
        "Rao and Wu 1988": (
            "Resampling inference with complex survey data. Journal of the American "
            "Statistical Association 83, 231–241."
        ),
        "Robins 1986": (
            "A new approach to causal inference in mortality studies with a sustained "
            "exposure period. Mathematical Modelling 7, 1393–1512."
        ),
        "Robins and Greenland 1992": (
            "Identifiability and exchangeability for direct and indirect effects. "
            "Epidemiology 3, 143–155."
        ),
        "Rosenbaum 2002": "Observational Studies, second edition. Springer.",
        "Schweder and Hjort 2016": (
            "Confidence, Likelihood, Probability. Cambridge University Press."
        ),
        "Shah and Peters 2020": (
            "The hardness of conditional independence testing and the generalised "
            "covariance measure. Annals of Statistics 48, 1514–1538."
        ),
        "Shapley 1953": (
            "A value for n-person games. Contributions to the Theory of Games II, 307–317."
        ),
        "Shpitser 2013": (
            "Counterfactual graphical models for longitudinal mediation analysis with "
            "unobserved confounding. Cognitive Science 37, 1011–1035."
        ),
        "Shpitser and Pearl 2006": (
            "Identification of joint interventional distributions in recursive semi-"
            "Markovian causal models. Proceedings of AAAI, 1219–1226."
        ),
        "Shpitser, VanderWeele and Robins 2010": (
            "On the validity of covariate adjustment for estimating causal effects. "
            "Proceedings of UAI, 527–536."
        ),
        "Silverman 1986": "Density Estimation for Statistics and Data Analysis. Chapman and Hall.",
        "Stone 1974": (
            "Cross-validatory choice and assessment of statistical predictions. Journal of "
            "the Royal Statistical Society B 36, 111–147."
        ),
        "Strobl, Zhang and Visweswaran 2019": (
            "Approximate kernel-based conditional independence tests for fast non-"
            "parametric causal discovery. Journal of Causal Inference 7."
        ),
        "VanderWeele 2014": (
            "A unification of mediation and interaction: a 4-way decomposition. "
            "Epidemiology 25, 749–761."
        ),
        "VanderWeele and Ding 2017": (
            "Sensitivity analysis in observational research: introducing the E-value. "
            "Annals of Internal Medicine 167, 268–274."
        ),
        "VanderWeele, Vansteelandt and Robins 2014": (
            "Effect decomposition in the presence of an exposure-induced mediator-outcome "
            "confounder. Epidemiology 25, 300–306."
        ),
        "Verma and Pearl 1990": (
            "Equivalence and synthesis of causal models. Proceedings of UAI, 220–227."
        ),
        "Webb 2023": (
            "Reworking wild bootstrap-based inference for clustered errors. Canadian "
            "Journal of Economics 56, 839–858."
        ),
        "Westfall and Young 1993": "Resampling-Based Multiple Testing. Wiley.",
        "Wu and Ding 2021": (
            "Randomization tests for weak null hypotheses in randomized experiments. "
            "Journal of the American Statistical Association 116, 1898–1913."
        ),
    }
)
"""Authors and year, and the rest of the entry."""
