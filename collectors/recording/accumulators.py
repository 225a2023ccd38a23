"""Sums over the steps of a training, on its own device, for those who keep no trajectory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import LayerSums, StepSums
from collectors.recording.lagged_sums import LaggedSums, pair_weights

Response = Literal["same", "next"]
"""Loss on the same minibatch after less before the step, or of the next minibatch less this."""
Places = Mapping[str, tuple[int, int, torch.Size]]
CHUNK = {"cpu": 4096}
"""Columns worked on at a time: on the CPU what a cache holds, elsewhere enough to fill it."""


class StepAccumulators:
    r"""Σx, Σx², Σxy and more of every parameter, in memory for a few numbers a parameter.

    For parameter k with change :math:`\Delta_{tk}` in recorded step t = 1 … T, the feature is
    :math:`x_{tk} = \Delta_{tk}^2` and the response :math:`y_t` the change of the loss. Sums run
    over the pairs (x_t, y_{t-l}) that exist, for lag 0 and every l of `lags`: T − l pairs, none
    across the ends. With ``momentum=True`` there are three features,
    :math:`\Delta_t^2, \Delta_{t-1}^2, \Delta_t \Delta_{t-1}`, with all their products, and the
    first step has no pair. Also summed: :math:`\Delta_t` (displacement), :math:`\Delta_t^2`
    (movement) over all steps.

    Parameters
    ----------
    lags : iterable of int
        Steps by which the loss is shifted behind the change, beside 0; each at least 1.
    response : {"same", "next"}
        y: loss after less before the step, on the same minibatch (or probe); or the loss of the
        next minibatch less this one's, both before their steps, as in the paper of causal pruning.
        The last step then has no response.
    momentum : bool
        Three features rather than one.
    precision : {"float64", "float32x2"}
        In double precision, or in pairs of float32 with compensated summation, for devices that
        are slow in double precision: products are rounded to float32, relative 1e-7 of Σ|terms|.
    block_steps : int
        Steps that are kept and summed together, at ``4 p`` bytes each: more is faster.

    Raises
    ------
    ConfigurationError
        If an option is none of these.

    Notes
    -----
    Memory for p parameters, K lags beside 0: ``8 p (5 + 3 K)`` bytes of sums (``8 p (15 + 12 K)``
    with momentum) and ``4 p (block_steps + 2)`` of steps. In float32 the changes are first scaled
    by a power of two a layer, taken from its first steps, so that squares of squares neither
    vanish nor overflow; growth of a layer's changes by more than 1e5 after that is an error.

    Examples
    --------
    >>> sums = StepAccumulators(lags=[1, 2])
    >>> sums.pairs(10)
    (10, 9, 8)
    """

    def __init__(
        self,
        lags: Iterable[int] = (),
        *,
        response: Response = "same",
        momentum: bool = False,
        precision: Literal["float64", "float32x2"] = "float64",
        block_steps: int = 16,
    ) -> None:
        self.lags = _checked_lags(lags)
        if response not in ("same", "next") or precision not in ("float64", "float32x2"):
            raise ConfigurationError(
                "expected response 'same' or 'next' and precision 'float64' or 'float32x2'; got "
                f"{response!r} and {precision!r}"
            )
        if block_steps < 1:
            raise ConfigurationError(f"block_steps must be at least 1; got {block_steps}")
        self.response = response
        self.momentum = momentum
        self.precision = precision
        self._block = block_steps
        self._places: Places = {}
        self._settings: Mapping[str, Any] = {}

    def pairs(self, responses: int) -> tuple[int, ...]:
        """Return the number of pairs of each lag when so many steps have a response."""
        return tuple(max(0, responses - max(lag, int(self.momentum))) for lag in self.lags)

    def open(self, flat: Tensor, places: Places, settings: Mapping[str, Any]) -> None:
        """Make room for changes like `flat`; a second opening goes on with the same layers."""
        if self._places:
            if dict(places) != dict(self._places):
                raise ConfigurationError("these sums are of other layers: take new accumulators")
            return
        self._places, self._settings = dict(places), dict(settings)
        if settings.get("loss") == "none":
            raise ConfigurationError("sums with the loss need one: losses='none' records none")
        p, device = flat.numel(), flat.device
        self._wide = torch.float32 if self.precision == "float32x2" else torch.float64
        # row 0 is the step before the block, the last row a step whose response is yet to come
        self._rows = torch.zeros(self._block + 2, p, dtype=flat.dtype, device=device)
        self._filled = 0
        self._losses = torch.zeros(2, 64, dtype=torch.float64, device=device)
        self._steps = self._summed = 0
        self._scales: Tensor | None = None
        compensated = self.precision == "float32x2"
        self._lagged = LaggedSums(p, self.lags, self.momentum, self._wide, device, compensated)

    def accumulate(self, flat: Tensor, losses: Tensor) -> None:
        """Take one step: all changes, and the losses before and after it."""
        if self._steps == self._losses.shape[1]:
            self._losses = torch.cat([self._losses, torch.zeros_like(self._losses)], 1)
        self._losses[:, self._steps].copy_(losses)
        self._steps += 1
        self._filled += 1
        self._rows[self._filled].copy_(flat)
        if self._known() - self._summed >= self._block:
            self._sum()

    def result(self) -> StepSums:
        """Return the sums so far, in the host's memory; the training may go on.

        Returns
        -------
        StepSums
            In float64.

        Raises
        ------
        DataError
            If there was no step, or a loss or a sum is not finite.
        """
        if not self._places or not self._steps:
            raise DataError("no step was recorded: there is nothing to sum")
        self._sum()
        losses = self._losses[:, : self._steps].cpu().numpy()
        self._check(losses)
        arrays = self._lagged.totals(self._scale_vector(), self._rows[1 : self._filled + 1])
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise DataError(
                "a sum is not finite: did training diverge, or do changes grow by more than 1e5 "
                "(then sum in precision='float64')?"
            )
        layers = tuple(
            LayerSums(
                name, tuple(shape), **{k: array[..., i:j].copy() for k, array in arrays.items()}
            )
            for name, (i, j, shape) in self._places.items()
        )
        series = losses[1] - losses[0] if self.response == "same" else np.diff(losses[0])
        settings = dict(self._settings) | {
            "response": self.response, "precision": self.precision, "steps": [self._steps],
        }  # fmt: skip
        return StepSums(layers, self.lags, self.momentum, (series,), settings)

    def state_dict(self) -> dict[str, Any]:
        """Return all that a later process needs to go on, as tensors and plain values."""
        if not self._places:
            return {}
        self._sum()
        return {
            "options": self._options(),
            "rows": self._rows[: self._filled + 1].clone(),
            "losses": self._losses[:, : self._steps].clone(),
            "summed": self._summed,
            "scales": self._scales,
            "moments": self._lagged.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`, of accumulators with the same options and layers."""
        if not state:
            return
        if not self._places or state["options"] != self._options():
            raise ConfigurationError(
                "the checkpoint's sums have other options or layers, or recording has not begun: "
                f"expected {self._options() if self._places else 'an open recording'}, got "
                f"{state['options']}"
            )
        rows, losses = state["rows"], state["losses"]
        self._rows.zero_()[: len(rows)].copy_(rows)
        self._filled, self._steps = len(rows) - 1, losses.shape[1]
        room = max(64, 2 * self._steps)
        self._losses = torch.zeros(2, room, dtype=torch.float64, device=self._rows.device)
        self._losses[:, : self._steps].copy_(losses)
        self._summed, self._scales = state["summed"], state["scales"]
        self._lagged.load_state_dict(state["moments"])

    def _options(self) -> dict[str, Any]:
        return {
            "lags": list(self.lags),
            "response": self.response,
            "momentum": self.momentum,
            "precision": self.precision,
            "layers": {name: [i, j] for name, (i, j, _) in self._places.items()},
        }

    def _known(self) -> int:
        """Count the steps whose response is known."""
        return self._steps - (self.response == "next" and self._steps > 0)

    def _responses(self, stop: int) -> Tensor:
        before, after = self._losses
        if self.response == "same":
            return after[:stop] - before[:stop]
        return before[1 : stop + 1] - before[:stop]

    def _sum(self) -> None:
        """Add the block's steps that have a response, and move the rest to its front."""
        known = self._known()
        ready = known - self._summed
        if not ready:
            return
        rows = self._rows[: ready + 1]
        scale = self._scale_vector()
        y = self._responses(known)
        weights = pair_weights(y, self._summed, ready, self.lags, int(self.momentum))
        width = CHUNK.get(rows.device.type, 2**20)
        for start in range(0, rows.shape[1], width):
            part = slice(start, start + width)
            block = rows[:, part].to(self._wide)
            if scale is not None:
                block = block * scale[part]
            self._lagged.add(part, block, weights)
        left = self._filled - ready
        self._rows[: left + 1] = self._rows[ready : ready + left + 1].clone()
        self._filled = left
        self._summed = known

    def _scale_vector(self) -> Tensor | None:
        """Return the power of two of every column, in float32; it is set once a layer moves."""
        if self.precision == "float64":
            return None
        if self._scales is None:
            self._scales = torch.zeros(self._rows.shape[1], device=self._rows.device)
        for i, j, _ in self._places.values():
            if i < j and not self._scales[i]:
                largest = float(self._rows[:, i:j].abs().max())
                if 0 < largest < float("inf"):
                    self._scales[i:j] = 2.0 ** (12 - int(np.floor(np.log2(largest))))
        return self._scales

    def _check(self, losses: np.ndarray) -> None:
        bad = np.flatnonzero(~np.isfinite(losses[: 1 + (self.response == "same")]).all(axis=0))
        if len(bad):
            raise DataError(
                f"the loss of recorded step {bad[0] + 1} is not finite: the sums of this training "
                "say nothing; lower the learning rate, or record fewer steps"
            )


def _checked_lags(lags: Any) -> tuple[int, ...]:
    """Return the lags after 0."""
    found = list(lags) if isinstance(lags, Iterable) else [lags]
    whole = all(isinstance(lag, int | np.integer) and not isinstance(lag, bool) for lag in found)
    if not isinstance(lags, Iterable) or not whole or min(found, default=1) < 1:
        raise ConfigurationError(f"lags must be a list of whole numbers from 1; got {lags!r}")
    if len(set(found)) < len(found):
        raise ConfigurationError(f"lags must be different; got {lags!r}")
    return (0, *map(int, found))
