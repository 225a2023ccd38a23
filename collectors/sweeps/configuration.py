"""One run of a design: its factors, its name, and the columns of the runs frame that it fills."""

from __future__ import annotations

from dataclasses import dataclass, fields

from causalhyper.errors import ConfigurationError

Value = int | float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What one run is to do.

    Attributes
    ----------
    design : str
        Name of the matching protocol.
    dataset, model, optimizer : str
        Names, for the run to interpret.
    batch_size, updates : int
        B and the number of optimiser steps.
    learning_rate : float
        The rate at this batch size.
    learning_rate_rule : str
        How it depends on B: "fixed", "linear", "sqrt" or "tuned".
    epochs : float
        ``updates * batch_size / n_train``.
    n_train : int
        Training examples.
    seed : int
        Of initial weights, split and order of examples; nothing of them depends on the
        treatment, so that runs of one seed are paired.
    factors : tuple of (str, value)
        Levels of the further factors.
    block, order : int
        The block of seeds, and the place among all runs of the design that it was made in.
    """

    design: str
    dataset: str
    model: str
    optimizer: str
    batch_size: int
    learning_rate: float
    learning_rate_rule: str
    epochs: float
    updates: int
    n_train: int
    seed: int
    factors: tuple[tuple[str, Value], ...] = ()
    block: int = 0
    order: int = 0

    @property
    def treatment(self) -> str:
        """Name of everything but the seed, such as "equal_epochs-data-gcn-sgd-b0064"."""
        parts = [self.design, self.dataset, self.model, self.optimizer, f"b{self.batch_size:04d}"]
        further = [f"{k}{v:g}" if isinstance(v, float) else f"{k}{v}" for k, v in self.factors]
        return "-".join(parts + further)

    @property
    def run_id(self) -> str:
        """Name of the run: it depends on the levels alone, not on the rest of the design."""
        return f"{self.treatment}-s{self.seed:03d}"

    def factor(self, name: str) -> Value:
        """Return the level of a further factor.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        int, float or str
            The level.

        Raises
        ------
        ConfigurationError
            If the design has no factor of that name.
        """
        levels = dict(self.factors)
        if name not in levels:
            raise ConfigurationError(
                f"no factor {name!r}: the design has {', '.join(levels) or 'no further ones'}"
            )
        return levels[name]

    def columns(self) -> dict[str, object]:
        """Return the run's columns of the runs frame.

        Returns
        -------
        dict
            ``run_id``, every attribute, and every further factor under its own name.
        """
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "factors"}
        return {"run_id": self.run_id} | plain | dict(self.factors)
