"""The result of a pruning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from causalhyper.notebook import Shown
from collectors.pruning.removal import remove_units
from collectors.pruning.settings import PruningSettings
from collectors.pruning.speed import measure_speed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SETS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True, eq=False)
class Pruned(Shown):
    """A pruned network, and how it came about.

    Attributes
    ----------
    model : Module
        With the weights of the best epoch of post-training, zero where pruned, in eval mode.
    masks : Masks
        Of the parameters of every layer that was pruned.
    units : Masks or None
        Of its units, where units were pruned.
    log : pandas.DataFrame
        One row an evaluation: each epoch of every stage ("pretraining", "training",
        "collecting", "posttraining"), each network after it was pruned and rewound ("pruned"), and
        again the best epoch ("final"). Training columns are of the epoch, before each step;
        sparsity is the share of the prunable parameters. NaN where nothing was evaluated.
    layers : pandas.DataFrame
        One row a layer and iteration: entries, kept before and after, sparsity, and whether the
        rule alone would have kept fewer than the minimum (collapsed).
    dead : pandas.DataFrame or None
        One row a layer: units through which nothing flows, see `DeadUnits.to_frame`; None where
        the network has operations of which that is not known.
    settings : PruningSettings
        Lengths and rules.
    examples : mapping of str to int
        Number of training, validation and test examples.
    run_id, method : str
        Names in the frames.
    seed : int
        Of the run.
    """

    model: nn.Module
    masks: Masks
    units: Masks | None
    log: pd.DataFrame
    layers: pd.DataFrame
    dead: pd.DataFrame | None
    settings: PruningSettings
    examples: Mapping[str, int]
    run_id: str
    seed: int
    method: str

    @property
    def sparsity(self) -> float:
        """Share of the prunable parameters that is pruned."""
        return self.masks.sparsity

    def to_frame(self) -> pd.DataFrame:
        """Return one row with the columns of the log: the network as it is in the end."""
        return self.log[self.log["stage"] == "final"].reset_index(drop=True)

    def _overview(self) -> pd.DataFrame:
        return self.masks.counts()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share of the parameters of each layer that is kept."""
        return self.masks.plot(ax)

    def summary(self) -> str:
        """Say how much is pruned, what it cost in accuracy, which layers collapsed, what died."""
        counts = self.masks.counts()
        settings, kind = self.settings, "parameters" if self.units is None else "units"
        label = " (published protocol)" if settings.protocol == "published" else ""
        iterations = 0 if self.layers.empty else int(self.layers["iteration"].max())
        lines = [
            f"{self.method}{label}, seed {self.seed}: {self.sparsity:.2%} of "
            f"{counts['entries'].sum()} prunable parameters pruned, in {iterations} iterations "
            f"by {kind}",
            *self._left_whole(),
            *self._accuracies(),
            *self._collapses(),
        ]
        lines += [f"{row.layer}: {row.kept} of {row.entries} kept" for row in counts.itertuples()]
        return "\n".join(lines)

    def _left_whole(self) -> list[str]:
        """Say which weights were not to be pruned; biases and normalisations go without saying."""
        others = {
            name: p.numel()
            for name, p in self.model.named_parameters()
            if p.ndim > 1 and name not in self.masks.kept
        }
        if not others:
            return []
        first = ", ".join([*others][:3]) + (", ..." if len(others) > 3 else "")
        return [
            f"{sum(others.values())} weights left whole: {first} (layers= adds to what may be)"
        ]

    def layer_counts(self) -> tuple[dict[str, int], ...]:
        """Return how many parameters (or units) each layer kept after each iteration.

        As the sparsity of another `prune` they make its layers as dense as these, so that the two
        differ in which parameters were chosen, and not in how many of each layer.
        """
        rows = self.layers.to_dict("records")
        last = max((row["iteration"] for row in rows), default=0)
        return tuple(
            {row["layer"]: row["kept"] for row in rows if row["iteration"] == i}
            for i in range(1, last + 1)
        )

    def compact(self, example_inputs: Any, *, rounds: int = 30) -> tuple[nn.Module, pd.DataFrame]:
        """Remove the pruned units for good.

        Parameters
        ----------
        example_inputs : Tensor, or tuple, list or mapping of tensors
            What the network can be called with, as many examples as speed is to be measured for.
        rounds : int
            How often each network is timed.

        Returns
        -------
        model : Module
            The smaller network, which computes the same up to rounding.
        frame : pandas.DataFrame
            Size and speed of both, see `measure_speed`.

        Raises
        ------
        ConfigurationError
            If single parameters were pruned, whose removal leaves the network's shape as it is.
        """
        if self.units is None:
            raise ConfigurationError(
                "single parameters were pruned, and their network is as large as before: prune "
                "units (structured=True) to have a smaller one, or write what is kept "
                "(save_masked)"
            )
        smaller = remove_units(self.model, self.units, example_inputs)
        networks = {"masked": self.model, "compact": smaller}
        return smaller, measure_speed(networks, example_inputs, rounds=rounds)

    def save(self, folder: str | Path) -> None:
        """Write network, masks and frames into a folder; `read_pruned` reads them.

        Parameters
        ----------
        folder : str or Path
            Made when missing.
        """
        from collectors.pruning.results import write_pruned

        write_pruned(Path(folder), self)

    def _accuracies(self) -> list[str]:
        lines = []
        final = self.to_frame().iloc[0]
        dense = self.log[self.log["stage"] == "pretraining"].iloc[-1]
        for name in ("test", "validation"):
            if not self.examples[name]:
                continue
            value, before = final[f"{name}_accuracy"], dense[f"{name}_accuracy"]
            if math.isnan(value):
                losses = final[f"{name}_loss"], dense[f"{name}_loss"]
                lines.append(f"{name} loss {losses[0]:.4g}; after pre-training {losses[1]:.4g}")
                continue
            error = math.sqrt(value * (1 - value) / self.examples[name])
            lines.append(
                f"{name} accuracy {value:.2%}, standard error {error:.2%} over "
                f"{self.examples[name]} examples; dense, after pre-training, {before:.2%}"
            )
        chosen = "by validation" if self.examples["validation"] else "the last, for there is no"
        lines.append(f"weights of epoch {final['epoch']} of post-training ({chosen} data)")
        return lines

    def _collapses(self) -> list[str]:
        found: list[str] = []
        rows: Any = self.layers[self.layers["collapsed"]].groupby("layer", sort=False)
        for name, part in rows:
            found.append(
                f"layer {name!r} collapsed in iteration {part['iteration'].iloc[0]}: the rule "
                f"alone kept fewer than the minimum of {self.settings.minimum}"
            )
        last = self.masks.layer_counts()
        found += [f"nothing is left of {name!r}" for name, kept in last.items() if not kept]
        return found if self.dead is None else found + _told(self.dead)


def _told(dead: pd.DataFrame) -> list[str]:
    """Say which layers have dead units."""
    rows = dead[["layer", "dead", "units"]].to_dict("records")
    return [f"{r['layer']}: {r['dead']} of {r['units']} units dead" for r in rows if r["dead"]]
