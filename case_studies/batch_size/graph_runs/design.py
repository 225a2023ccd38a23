"""What is trained: trajectories, and the updates at which they are looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

from causalhyper.errors import ConfigurationError

MODELS = {"gcn": "GCN", "gat": "GAT", "pignn": "PI-GNN"}
"""What the command line calls them, and what the frames do."""
DATASETS = ("cora", "citeseer", "pubmed")
GRID = (12, 25, 37, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600, 2400, 3200, 4800)
"""Updates at which gradient noise is measured: 25, 50 and 75% of all budgets are among them."""


@dataclass(frozen=True, slots=True)
class Design:
    """Sizes, budgets and rates of the study.

    Attributes
    ----------
    batch_sizes : tuple of int
        Each divides `n_train`; from the smallest to the largest.
    n_train, n_validation : int
        Sizes of the parts; all other labelled nodes are for testing.
    epochs : int
        Budget of equal epochs.
    updates, cap : int
        Budget of equal updates, and the last update at which the loss target is looked for.
    rate : float
        The fixed learning rate, of Adam.
    rates : tuple of float
        Grid of the tuned rate; the fixed rate is among them.
    weight_decay : float
        Added to the gradient, times the parameter.
    rho : float
        Radius of sharpness-aware minimisation.
    noisy_share : float
        Share of training labels replaced by another class in the arm "label_noise".
    parts : int
        Equal parts into which the training set is cut to estimate gradient noise.
    hidden : int
        Units of the GCN's hidden layer; GAT has `heads` times `units`.
    interaction : float
        Weight of the pairwise term of PI-GNN.

    Raises
    ------
    ConfigurationError
        If a batch size does not divide the training set, or the fixed rate is not in the grid.
    """

    batch_sizes: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    n_train: int = 1024
    n_validation: int = 500
    epochs: int = 100
    updates: int = 1600
    cap: int = 3200
    rate: float = 0.01
    rates: tuple[float, ...] = tuple(10 ** (k / 2) for k in range(-7, 0))
    weight_decay: float = 5e-4
    rho: float = 0.05
    noisy_share: float = 0.2
    parts: int = 16
    hidden: int = 16
    heads: int = 4
    units: int = 8
    interaction: float = 1.0
    grid: tuple[int, ...] = field(default=GRID)

    def __post_init__(self) -> None:
        for size in (*self.batch_sizes, self.n_train // self.parts):
            if self.n_train % size:
                raise ConfigurationError(
                    f"a batch of {size} does not divide the training set of {self.n_train}: a "
                    "partial batch would make B vary within a run"
                )
        if self.rate not in self.rates:
            raise ConfigurationError(
                f"the fixed rate {self.rate:g} is not in the grid "
                f"{', '.join(f'{rate:g}' for rate in self.rates)}: take it in"
            )

    @property
    def smallest(self) -> int:
        """The smallest batch size."""
        return self.batch_sizes[0]

    @property
    def largest(self) -> int:
        """The largest batch size."""
        return self.batch_sizes[-1]

    def budget(self, batch_size: int) -> int:
        """Updates of equal epochs."""
        return self.epochs * self.n_train // batch_size

    @property
    def passes(self) -> int:
        """Passes over the training set that the longest trajectory can make."""
        return max(-(-self.longest(size) * size // self.n_train) for size in self.batch_sizes)

    def longest(self, batch_size: int) -> int:
        """Updates that a trajectory of this batch size can have."""
        removed = self.budget(self.smallest) if batch_size == self.largest else 0
        return max(self.budget(batch_size), self.updates, self.cap, removed)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One training of every seed.

    Attributes
    ----------
    arm : {"plain", "sam", "label_noise", "noise_added"}
        What is done beside plain training.
    batch_size : int
        Examples of an update.
    rate : float
        Learning rate.
    stops : tuple of tuple of (int, str)
        After which updates it is looked at, and for which design.
    seeks_loss : bool
        Whether it is looked at where it first reaches the loss target.
    noise_of : int
        Batch size whose gradient noise the updates have.
    """

    arm: str
    batch_size: int
    rate: float
    stops: tuple[tuple[int, str], ...]
    seeks_loss: bool = False
    noise_of: int = 0

    @property
    def end(self) -> int:
        """The last update that is looked at."""
        return max((update for update, _ in self.stops), default=0)


def tuning(design: Design) -> list[Trajectory]:
    """All rates and batch sizes, equal epochs."""
    return [
        Trajectory("plain", size, rate, ((design.budget(size), "equal_epochs"),), noise_of=size)
        for size in design.batch_sizes
        for rate in design.rates
    ]


def intervened(design: Design, rates: dict[int, float]) -> list[Trajectory]:
    """All trajectories of the study but those of sharpness-aware minimisation.

    The largest batch goes on to the number of updates of the smallest: there it is also the
    smallest batch with its noise removed. A tuned rate that is the fixed one is not trained
    again.

    Parameters
    ----------
    design : Design
    rates : dict of int to float
        The tuned rate of each batch size.
    """
    small, large, rate = design.smallest, design.largest, design.rate
    removed = ((design.budget(small), "removed_epochs"), (design.updates, "removed_updates"))
    found = []
    for size in design.batch_sizes:
        stops = _both(design, size)
        tuned = ((design.budget(size), "tuned"),)
        plain = stops + removed * (size == large) + tuned * (rates[size] == rate)
        found += [
            Trajectory("plain", size, rate, plain, True, size),
            Trajectory("label_noise", size, rate, stops, noise_of=size),
        ]
        if rates[size] != rate:
            found.append(Trajectory("plain", size, rates[size], tuned, noise_of=size))
    added = _both(design, large)
    kinds = [size for size in (small, 4 * small) if size < large]
    return found + [Trajectory("noise_added", large, rate, added, noise_of=size) for size in kinds]


def sharpness_aware(design: Design) -> list[Trajectory]:
    """The trajectories of sharpness-aware minimisation."""
    return [
        Trajectory("sam", size, design.rate, _both(design, size), noise_of=size)
        for size in design.batch_sizes
    ]


def _both(design: Design, size: int) -> tuple[tuple[int, str], ...]:
    return ((design.budget(size), "equal_epochs"), (design.updates, "equal_updates"))
