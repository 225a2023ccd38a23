"""Factorial designs: which runs, under which matching protocol, in which order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, TypeVar

import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.notebook import Shown
from collectors.sweeps.configuration import Configuration, Value
from collectors.sweeps.ordering import blocked_order
from collectors.sweeps.protocols import LearningRate, Protocol, fixed_rate

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Design(Shown):
    """Runs in the order in which they are to be made; `factorial` makes one.

    Attributes
    ----------
    runs : tuple of Configuration
        Block after block; the runs of one treatment in one block stand together.
    protocols : tuple of (str, str)
        For each matching protocol its name, the value of the column ``design``, and the
        sentence that a study of it declares: what was held equal, how the learning rate was set.

    Raises
    ------
    ConfigurationError
        If there are no runs, or two of them have one name.
    """

    runs: tuple[Configuration, ...]
    protocols: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        if not self.runs:
            raise ConfigurationError("the design has no runs: give each factor one level at least")
        names = [run.run_id for run in self.runs]
        if len(set(names)) < len(names):
            name = next(n for n in names if names.count(n) > 1)
            raise ConfigurationError(
                f"two runs of the design are named {name!r}: let levels differ in their first "
                "six digits"
            )

    def __len__(self) -> int:
        return len(self.runs)

    def summary(self) -> str:
        """Say how many runs there are, and under which protocols."""
        lines = [f"{len(self.runs)} runs of {len(self.cells())} treatments in blocks"]
        return "\n".join(lines + [f"{name}: {sentence}" for name, sentence in self.protocols])

    def cells(self) -> list[tuple[Configuration, ...]]:
        """Group the runs of one treatment in one block, which differ in their seed alone.

        Returns
        -------
        list of tuple of Configuration
            In order.
        """
        grouped = itertools.groupby(self.runs, key=lambda run: (run.block, run.treatment))
        return [tuple(runs) for _, runs in grouped]

    def to_frame(self) -> pd.DataFrame:
        """Return the plan as a frame.

        Returns
        -------
        DataFrame
            One row a run, in order, with the columns that the configurations bring.
        """
        return pd.DataFrame([run.columns() for run in self.runs])


def factorial(
    *,
    batch_size: Sequence[int],
    seed: Iterable[int],
    protocol: Protocol | Sequence[Protocol],
    learning_rate: LearningRate | float | Mapping[str, LearningRate | float],
    n_train: int | Mapping[str, int],
    dataset: Sequence[str] = ("data",),
    model: Sequence[str] = ("model",),
    optimizer: Sequence[str] = ("sgd",),
    factors: Mapping[str, Sequence[Value]] | None = None,
    order_seed: int = 0,
    seeds_per_block: int = 1,
) -> Design:
    """Cross all levels of all factors, and randomise the order of the runs within blocks.

    Every seed meets every treatment, so that treatments are compared within seeds. Blocks of
    seeds come in sequence; within each, the order of the treatments is drawn at random (see
    `collectors.sweeps.ordering`), and recorded in the columns ``block`` and ``order``.

    Parameters
    ----------
    batch_size : sequence of int
        Levels of B.
    seed : iterable of int
        Of initial weights, split and order of examples.
    protocol : Protocol or sequence of Protocol
        What is held equal while B varies: `equal_epochs`, `equal_updates`, or both, each crossed
        with everything.
    learning_rate : LearningRate, float or mapping
        How the rate depends on B: `fixed_rate` (or a number), `scaled_rate`, `tuned_rate`; or a
        mapping from each optimiser to one.
    n_train : int or mapping
        Training examples, or a mapping from each data set to them.
    dataset, model, optimizer : sequence of str
        Names, for the run to interpret.
    factors : mapping of str to sequence, optional
        Any further ones, such as ``{"rho": (0.05, 0.1)}``: numbers or text.
    order_seed : int
        Seed of the order.
    seeds_per_block : int
        Seeds that go together: more than 1 where they are trained together, as an ensemble.

    Returns
    -------
    Design
        The runs in order.

    Raises
    ------
    ConfigurationError
        If a factor has no level or one twice, a protocol stands twice, a learning rate or
        training set is missing, or the protocol cannot be kept at some batch size.

    Examples
    --------
    >>> from collectors.sweeps import equal_epochs, scaled_rate
    >>> design = factorial(
    ...     batch_size=(16, 64), seed=range(2), optimizer=("sgd", "sam"), n_train=256,
    ...     protocol=equal_epochs(5), learning_rate=scaled_rate(0.1, "linear", at=16),
    ... )
    >>> design.to_frame()[["seed", "optimizer", "batch_size", "learning_rate", "updates"]].head(4)
       seed optimizer  batch_size  learning_rate  updates
    0     0       sam          16            0.1       80
    1     0       sgd          16            0.1       80
    2     0       sgd          64            0.4       20
    3     0       sam          64            0.4       20
    >>> design.protocols[0][1]
    'equal epochs (5), learning rate scaled with B (0.1 at B = 16)'
    """
    levels: dict[str, list[Any]] = {
        name: _levels(name, given)
        for name, given in {
            "protocol": (protocol,) if isinstance(protocol, Protocol) else protocol,
            "dataset": dataset,
            "model": model,
            "optimizer": optimizer,
            "batch_size": batch_size,
            **(factors or {}),
        }.items()
    }
    protocols, seeds = levels["protocol"], _levels("seed", seed)
    _check(levels | {"seed": seeds}, factors or {}, order_seed, seeds_per_block)
    seeds, levels["batch_size"] = [int(s) for s in seeds], [int(b) for b in batch_size]
    rates: dict[str, LearningRate | float] = _by_level(learning_rate, optimizer, "learning rate")
    sizes = _by_level(n_train, dataset, "training set")
    blocks = [seeds[i : i + seeds_per_block] for i in range(0, len(seeds), seeds_per_block)]
    treatments = [
        _treatment(dict(zip(levels, values, strict=True)), rates, sizes)
        for values in itertools.product(*levels.values())
    ]
    order = blocked_order(len(treatments), blocks, order_seed)
    places = ((b, t, s) for b, t in order for s in blocks[b])
    runs = [
        Configuration(seed=s, block=b, order=place, **treatments[t])
        for place, (b, t, s) in enumerate(places)
    ]
    return Design(tuple(runs), _sentences(protocols, rates))


def _levels(name: str, given: Any) -> list[Any]:
    """Return a factor's levels, which need be no more than iterable."""
    levels = [] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    if not levels:
        raise ConfigurationError(
            f"the factor {name!r} needs a sequence of levels, one at least; got {given!r}"
        )
    return levels


def _check(
    levels: Mapping[str, Sequence[Any]],
    factors: Mapping[str, Sequence[Value]],
    order_seed: int,
    seeds_per_block: int,
) -> None:
    """Refuse factors that cannot be crossed."""
    for name, values in levels.items():
        if len(set(values)) < len(values):
            raise ConfigurationError(f"the factor {name!r} has a level twice: {values!r}")
    if wrong := [p for p in levels["protocol"] if not isinstance(p, Protocol)]:
        raise ConfigurationError(
            f"a protocol is made by equal_epochs() or equal_updates(); got {wrong[0]!r}"
        )
    names = [protocol.name for protocol in levels["protocol"]]
    if len(set(names)) < len(names):
        raise ConfigurationError(
            f"expected protocols of different kinds; got {', '.join(names)}: make a design of "
            "each, with a file of its own"
        )
    if reserved := sorted(set(factors) & {"run_id", *Configuration.__dataclass_fields__}):
        raise ConfigurationError(
            f"the factor {reserved[0]!r} has that name in every design: give it as an argument, "
            "or name it otherwise"
        )
    for name, values in factors.items():
        if wrong := [v for v in values if not isinstance(v, Real | str)]:
            raise ConfigurationError(
                f"levels of the factor {name!r} must be numbers or text; got {wrong[0]!r}"
            )
    for name in ("batch_size", "seed"):
        low = 1 if name == "batch_size" else 0
        wrong = [v for v in levels[name] if not isinstance(v, Integral) or v < low]
        if wrong:
            raise ConfigurationError(
                f"{name} must be whole numbers of at least {low}; got {wrong[0]!r}"
            )
    if order_seed < 0 or seeds_per_block < 1:
        raise ConfigurationError(
            "expected an order_seed of at least 0 and at least 1 seed a block; got "
            f"{order_seed} and {seeds_per_block}"
        )


def _by_level(given: T | Mapping[str, T], levels: Sequence[str], what: str) -> dict[str, T]:
    """One value a level: the same for all, or each its own."""
    if not isinstance(given, Mapping):
        return dict.fromkeys(levels, given)
    if lacking := [level for level in levels if level not in given]:
        raise ConfigurationError(f"no {what} is given for {lacking[0]!r}: got {dict(given)!r}")
    return {level: given[level] for level in levels}


def _rule(rate: LearningRate | float) -> LearningRate:
    return rate if isinstance(rate, LearningRate) else fixed_rate(rate)


def _treatment(
    levels: dict[str, Any], rates: Mapping[str, LearningRate | float], sizes: Mapping[str, int]
) -> dict[str, Any]:
    """Everything of a configuration but its seed and place."""
    protocol: Protocol = levels.pop("protocol")
    given = {name: levels.pop(name) for name in ("dataset", "model", "optimizer", "batch_size")}
    rule, n_train = _rule(rates[given["optimizer"]]), sizes[given["dataset"]]
    updates = protocol.updates(given["batch_size"], n_train)
    return given | {
        "design": protocol.name,
        "learning_rate": rule.at(given["batch_size"]),
        "learning_rate_rule": rule.rule,
        "updates": updates,
        "epochs": updates * given["batch_size"] / n_train,
        "n_train": n_train,
        "factors": tuple(levels.items()),
    }


def _sentences(
    protocols: Sequence[Protocol], rates: Mapping[str, LearningRate | float]
) -> tuple[tuple[str, str], ...]:
    """The declaration of each protocol, with the learning rates in words."""
    rules = {name: str(_rule(rate)) for name, rate in rates.items()}
    words = "; ".join(f"{name}: {rule}" for name, rule in rules.items())
    if len(set(rules.values())) == 1:
        words = next(iter(rules.values()))
    return tuple((protocol.name, f"{protocol}, {words}") for protocol in protocols)
