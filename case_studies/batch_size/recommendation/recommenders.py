"""Rules that recommend a batch size for a cell from runs of other data sets and models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from case_studies.batch_size.mediators.cell_models import Cell, fit_cell
from case_studies.batch_size.mediators.competing import COMPETING, FORMS, STUDY, budget_roles
from case_studies.batch_size.runs import BATCH_SIZES, CELL, GRAPH, ROLES
from causalhyper import SPLINE, FittedModel
from causalhyper.arrays import Array
from causalhyper.errors import CausalHyperError
from causalhyper.queries.experiments.experiment import Experiment, natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.scm.worlds import World

PROBE = 64
"""The batch size of the one run that a rule with a probe may look at before it chooses."""
BASELINE = "best fixed by means of training cells"


@dataclass(frozen=True, slots=True)
class Held:
    """A cell that is held out, and what may be learnt from elsewhere.

    Attributes
    ----------
    cell : Cell
        Rules may read its probe runs; grid search, all of its validation accuracies.
    training : DataFrame
        Plain runs under the same protocol of cells with another data set and another model, of
        the same domain.
    elsewhere : DataFrame
        The same of every domain.
    what : str
        What is held out; the data set alone where the domain has a single model.
    """

    cell: Cell
    training: pd.DataFrame
    elsewhere: pd.DataFrame
    what: str = "data set and model"

    def table(self, column: str) -> pd.DataFrame:
        """A column of the cell by seed (rows) and batch size (columns)."""
        return self.cell.rows.pivot_table(index="seed", columns="batch_size", values=column)

    @property
    def seeds(self) -> pd.Index:
        """Seeds of the cell, sorted."""
        return pd.Index(np.sort(self.cell.rows["seed"].unique()), name="seed")

    def probe(self, column: str) -> pd.Series:
        """A column of the probe runs, by seed."""
        return self.cell.by_seed(column, PROBE).reindex(self.seeds)

    def always(self, batch_size: int) -> pd.Series:
        """The same batch size for every seed."""
        return pd.Series(batch_size, self.seeds)


Rule = Callable[[Held], pd.Series]
"""Chooses a batch size for every seed of the held-out cell."""


def hold_out(cell: Cell, runs: pd.DataFrame) -> Held:
    """Take out every run of a cell's data set and, where there is another, of its model.

    Parameters
    ----------
    cell : Cell
    runs : DataFrame

    Returns
    -------
    Held
        Its training frames are empty where the domain has a single data set.
    """
    labels = cell.labels
    alike = (runs["arm"] == "plain") & (runs["design"] == labels["design"])
    alike &= runs["dataset"] != labels["dataset"]
    inside = runs["domain"] == labels["domain"]
    other = runs["model"] != labels["model"]
    if (alike & inside & other).any():
        return Held(cell, runs[alike & inside & other], runs[alike & other])
    return Held(cell, runs[alike & inside], runs[alike], "data set")


def best_fixed(held: Held) -> pd.Series:
    """The batch size with the best mean over the training cells, each counted once."""
    means = held.training.groupby([*CELL, "batch_size"], sort=False)["test_accuracy"].mean()
    by_size = means.groupby("batch_size").mean()
    return held.always(int(by_size.idxmax()))


def noise_scale_rule(held: Held) -> pd.Series:
    """The size nearest to the gradient noise scale of the probe, on a logarithmic scale.

    Notes
    -----
    Source: McCandlish et al. 2018, "An empirical model of large-batch training": about the noise
    scale, steps and examples are traded evenly.
    """
    scale = np.log2(held.probe("noise_scale"))
    sizes = np.array(BATCH_SIZES)
    nearest = [
        sizes[np.abs(np.log2(sizes) - x).argmin()] if np.isfinite(x) else np.nan for x in scale
    ]
    return pd.Series(nearest, held.seeds)


def grid_search(held: Held) -> pd.Series:
    """The size with the best validation accuracy at the same seed, the smallest of ties."""
    return held.table("validation_accuracy").reindex(held.seeds).idxmax(axis=1)


@dataclass(frozen=True, slots=True)
class Hypergraph:
    """Recommend the b with the highest E[G | do(b)] of a hypergraph fitted to the training cells.

    Attributes
    ----------
    graph : str
        "papers", or a name in `COMPETING`.
    probe : bool
        Whether N is moved to what the probe of the held-out cell measured.
    domains : bool
        Whether it learns from all domains.
    """

    graph: str = "papers"
    probe: bool = False
    domains: bool = False

    def __call__(self, held: Held) -> pd.Series:
        """Choose for every seed."""
        rows = held.elsewhere if self.domains else held.training
        experiment = curve_experiment(fit_training(held.cell, rows, self.graph))
        sizes = [experiment.baseline, *experiment.at]
        if not self.probe:
            curve = experiment.means({"natural": natural_world}, alone=True)["natural"][0]
            return held.always(int(sizes[int(curve.argmax())]))
        noise = np.log10(held.probe("grad_noise")).dropna()
        best = [sizes[int(curve.argmax())] for curve in _moved(experiment, noise)]
        return pd.Series(best, noise.index, dtype=float).reindex(held.seeds)


def fit_training(cell: Cell, rows: pd.DataFrame, graph: str) -> FittedModel:
    """Fit a hypergraph to cells together: each has an intercept, all share the curves.

    Raises
    ------
    ConfigurationError
        If the runs cannot tell the causes of a node apart.
    """
    papers = graph == "papers"
    text, roles = (GRAPH, ROLES) if papers else (COMPETING[graph], budget_roles(rows))
    # the same seed of two cells is two clusters, each inside one context
    apart = rows["dataset"] + "/" + rows["model"] + "/" + rows["seed"].map(str)
    together = Cell(cell.labels, rows.assign(seed=apart))
    return fit_cell(together, text, roles, SPLINE if papers else FORMS[graph], context=tuple(CELL))


def curve_experiment(model: FittedModel) -> Experiment:
    """Do every batch size that the runs have, in the model as fitted."""
    sizes = np.unique(np.rint(model.roles["B"].invert(model.values["B"]))).tolist()
    whole = make_experiment(
        model, "B", "G", at=sizes[1:], baseline=sizes[0], draws=100, interval="bootstrap"
    )
    return replace(whole, replicates=whole.replicates.part(slice(1)))


def _moved(experiment: Experiment, noise: pd.Series) -> Iterator[Array]:
    """E[G | do(b)] where N is that of the training cells, moved to each measured at a probe."""
    sizes = [experiment.baseline, *experiment.at]
    shared = experiment.share(experiment.replicates)
    curve = shared.natural["N"].mean(axis=-1, keepdims=True)
    curve = curve - curve[:, [sizes.index(PROBE)]]
    for level in noise:
        world = World(do={"N": curve + level})
        values = experiment.run(shared, lambda model, shared, world=world: world)[1]
        yield values["G"].mean(axis=-1)[0]


RULES: Mapping[str, Rule] = {
    "default 32": lambda held: held.always(32),
    "default 64": lambda held: held.always(64),
    BASELINE: best_fixed,
    "hypergraph": Hypergraph(),
    "hypergraph, all domains": Hypergraph(domains=True),
    f"hypergraph, {STUDY}": Hypergraph(STUDY),
    "hypergraph with a probe": Hypergraph(probe=True),
    "noise scale of a probe": noise_scale_rule,
    "grid search on validation": grid_search,
}
"""Every rule by name."""
PROBED = ("hypergraph with a probe", "noise scale of a probe")
"""Rules that need a run at `PROBE` beside the one that they recommend."""
SEARCHED = ("grid search on validation",)
"""Rules that need every run of the grid."""


def recommend(held: Held, rule: str) -> pd.Series | str:
    """What a rule chooses for every seed, or why it cannot be applied."""
    try:
        found = RULES[rule](held)
    except CausalHyperError as error:
        return str(error)
    if found.isna().all():
        return "what the rule needs was not measured"
    return found
