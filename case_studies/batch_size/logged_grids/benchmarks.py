"""What the two logged factorials are: columns, outcome, protocol, usual settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A full factorial of configurations, each trained with several seeds on several data sets.

    Attributes
    ----------
    name, file : str
        Short name; file name in the folder of the logs.
    factors : tuple of str
        Hyper-parameters that cross one another, by the names used here.
    names : mapping of str to str
        Column of the file to name used here, where they differ.
    scores : str
        Columns of the scores, without the number of the seed.
    seeds : int
    outcome : str
        Name of the outcome as it is analysed.
    log : bool
        Whether that is the logarithm of the score.
    maximise : bool
        Whether more of it is better.
    protocol : str
        What the benchmark held equal while batch size varied.
    sampled : tuple of int
        Batch sizes of the sweeps that are drawn from the factorial.
    width : str
        The hyper-parameter that stands in such a sweep as a covariate.
    contexts : tuple of str
        Labels that stand there as contexts.
    usual : tuple of (str, int, float)
        Default settings of a library or benchmark: name, and the nearest batch size and rate of
        the grid (by ratio).
    price : float
        What a doubling of the time of training is worth in the outcome, where it is priced.
    """

    name: str
    file: str
    factors: tuple[str, ...]
    scores: str
    seeds: int
    outcome: str
    log: bool
    maximise: bool
    protocol: str
    sampled: tuple[int, ...]
    width: str
    contexts: tuple[str, ...]
    usual: tuple[tuple[str, int, float], ...]
    price: float
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """Columns of a tidy frame of its runs."""
        return ["dataset", *self.factors, "seed", self.outcome, "seconds"]

    @property
    def largest(self) -> int:
        """The batch size that others are compared with."""
        return self.sampled[-1]


HPOBENCH = Benchmark(
    name="hpobench",
    file="hpobench_nn.csv.gz",
    factors=("batch_size", "learning_rate", "alpha", "depth", "width"),
    names={"learning_rate_init": "learning_rate"},
    scores="val_acc_s",
    seeds=5,
    outcome="balanced_accuracy",
    log=False,
    maximise=True,
    protocol="at most 243 epochs, stopped where the training loss stops falling; Adam, fixed rate",
    sampled=(4, 16, 64, 256),
    width="width",
    contexts=("dataset",),
    usual=(
        ("default of the benchmark, 32 and 0.001", 40, 1.6681006e-3),
        ("default of scikit-learn, 200 and 0.001", 161, 1.6681006e-3),
    ),
    price=0.005,
)
"""HPOBench's multilayer perceptrons on eight OpenML classification sets (Eggensperger 2021)."""

FCNET = Benchmark(
    name="fcnet",
    file="hpolib_fcnet.csv.gz",
    factors=(
        "batch_size",
        "learning_rate",
        "lr_schedule",
        "activation_fn_1",
        "activation_fn_2",
        "dropout_1",
        "dropout_2",
        "n_units_1",
        "n_units_2",
    ),
    names={"init_lr": "learning_rate"},
    scores="val_loss_s",
    seeds=4,
    outcome="log_validation_loss",
    log=True,
    maximise=False,
    protocol="equal epochs (100); Adam, initial rate and schedule fixed",
    sampled=(8, 16, 32, 64),
    width="n_units_1",
    contexts=("dataset", "lr_schedule"),
    usual=(("default of Keras, 32 and 0.001", 32, 1e-3),),
    price=0.05,
)
"""FC-Net: two hidden layers on four UCI regression sets (Klein and Hutter 2019)."""

BENCHMARKS = {b.name: b for b in (HPOBENCH, FCNET)}
