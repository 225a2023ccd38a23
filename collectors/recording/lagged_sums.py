"""Sums of features and of their products with shifted responses, added block by block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

DEGREES = {"x": 2, "xx": 4, "xy": 2, "head_x": 2, "head_xx": 4, "displacement": 1, "movement": 2}
"""Power of the change in each sum, by which a scale of the change is undone."""


@dataclass(frozen=True, slots=True)
class PairWeights:
    """What every row of a block counts for.

    Attributes
    ----------
    pair : Tensor, shape (b,)
        One where the row has features; zero for the first step where a feature needs the last.
    y : Tensor, shape (K, b)
        Response of each lag, zero where there is none.
    head : Tensor, shape (K - 1, b), or None
        One where the row has features but no response of that lag; None past the longest lag.
    """

    pair: Tensor
    y: Tensor
    head: Tensor | None


def pair_weights(
    y: Tensor, start: int, rows: int, lags: tuple[int, ...], first: int
) -> PairWeights:
    """Return the weights of rows start … start + rows - 1, counted from 0.

    Parameters
    ----------
    y : Tensor, shape (start + rows,) or longer
        Responses of all steps so far.
    start, rows : int
        First row and number of rows.
    lags : tuple of int
        The lags; the first is 0.
    first : int
        First row that has features.

    Returns
    -------
    PairWeights
        The weights.

    Examples
    --------
    >>> found = pair_weights(torch.tensor([5.0, 6.0, 7.0]), 0, 3, (0, 2), 0)
    >>> found.y.tolist(), found.head.tolist()
    ([[5.0, 6.0, 7.0], [0.0, 0.0, 5.0]], [[1.0, 1.0, 0.0]])
    """
    t = torch.arange(start, start + rows, device=y.device)
    pair = (t >= first).to(y.dtype)
    responses = torch.stack([y[(t - lag).clamp(min=0)] * pair * (t >= lag) for lag in lags])
    if start >= max(lags):
        return PairWeights(pair, responses, None)
    head = torch.stack([pair * (t < lag) for lag in lags[1:]])
    return PairWeights(pair, responses, head)


class LaggedSums:
    """The running sums of p parameters.

    Parameters
    ----------
    p : int
        Number of parameters.
    lags : tuple of int
        The lags; the first is 0.
    momentum : bool
        Three features, of a step and the last, rather than one.
    dtype, device : dtype, device
        Of the sums.
    compensated : bool
        Whether the rounding of every addition is kept and added at the end.
    """

    def __init__(
        self,
        p: int,
        lags: tuple[int, ...],
        momentum: bool,
        dtype: torch.dtype,
        device: torch.device,
        compensated: bool,
    ) -> None:
        features = 3 if momentum else 1
        products = features * (features + 1) // 2
        heads = len(lags) - 1
        leading: dict[str, tuple[int, ...]] = {
            "x": (features,),
            "xx": (products,),
            "xy": (len(lags), features),
            "head_x": (heads, features),
            "head_xx": (heads, products),
            "displacement": (),
            "movement": () if momentum else (0,),
        }
        self._momentum = momentum
        self._sums = {
            name: torch.zeros(*shape, p, dtype=dtype, device=device)
            for name, shape in leading.items()
        }
        self._lost = (
            {k: torch.zeros_like(sums) for k, sums in self._sums.items()} if compensated else None
        )

    def add(self, part: slice, block: Tensor, weights: PairWeights) -> None:
        """Add the rows of a block but the first, which is the step before it.

        Parameters
        ----------
        part : slice
            Columns of the sums.
        block : Tensor, shape (1 + b, c)
            Changes of these columns, in the precision of the sums.
        weights : PairWeights
            What the rows count for.
        """
        now, last = block[1:], block[:-1]
        square = now * now
        features = [square, last * last, now * last] if self._momentum else [square]
        kind = block.dtype
        # one product of matrices for the sums of x and of x y
        both = torch.cat([weights.pair[None], weights.y]).to(kind)
        pair, head = both[0], None if weights.head is None else weights.head.to(kind)
        self._add("displacement", part, now.sum(0))
        if self._momentum:
            self._add("movement", part, square.sum(0))
        product = torch.empty_like(square)
        m = 0
        for f, feature in enumerate(features):
            found = both @ feature
            self._add("x", (f, part), found[0])
            self._add("xy", (slice(None), f, part), found[1:])
            if head is not None and len(head):
                self._add("head_x", (slice(None), f, part), head @ feature)
            for other in features[f:]:
                torch.mul(feature, other, out=product)
                self._add("xx", (m, part), pair @ product)
                if head is not None and len(head):
                    self._add("head_xx", (slice(None), m, part), head @ product)
                m += 1

    def totals(self, scale: Tensor | None, waiting: Tensor) -> dict[str, NDArray[np.float64]]:
        """Return the sums as `LayerSums` names them, with rows that wait for a response.

        Parameters
        ----------
        scale : Tensor, shape (p,), or None
            What the changes were multiplied by.
        waiting : Tensor, shape (w, p)
            Changes that are not yet among the sums, not scaled.

        Returns
        -------
        dict of str to ndarray
            ``x`` (K, F, p), ``xx`` (K, G, p), ``xy`` (K, F, p), ``displacement`` and ``movement``
            (p,).
        """
        sums = {name: self._total(name, scale) for name in self._sums}
        rest = waiting.cpu().numpy().astype(np.float64)
        movement = sums["movement"] if self._momentum else sums["x"][0]
        return {
            "x": np.concatenate([sums["x"][None], sums["x"] - sums["head_x"]]),
            "xx": np.concatenate([sums["xx"][None], sums["xx"] - sums["head_xx"]]),
            "xy": sums["xy"],
            "displacement": sums["displacement"] + rest.sum(axis=0),
            "movement": movement + np.square(rest).sum(axis=0),
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the sums, for a checkpoint."""
        copied = {name: sums.clone() for name, sums in self._sums.items()}
        lost = self._lost and {name: sums.clone() for name, sums in self._lost.items()}
        return {"sums": copied, "lost": lost}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put sums back."""
        for name, sums in self._sums.items():
            sums.copy_(state["sums"][name])
            if self._lost is not None:
                self._lost[name].copy_(state["lost"][name])

    def _add(self, name: str, where: Any, terms: Tensor) -> None:
        """Add, and where the sums are compensated keep what rounding takes (Knuth's two-sum)."""
        sums = self._sums[name][where]
        if self._lost is None:
            sums.add_(terms)
            return
        total = sums + terms
        virtual = total - sums
        self._lost[name][where].add_((sums - (total - virtual)) + (terms - virtual))
        sums.copy_(total)

    def _total(self, name: str, scale: Tensor | None) -> NDArray[np.float64]:
        total = self._sums[name].cpu().numpy().astype(np.float64)
        if self._lost is not None:
            total = total + self._lost[name].cpu().numpy()
        if scale is not None:
            moved = np.where(scale.cpu().numpy() == 0, 1.0, scale.cpu().numpy())
            total = total / moved.astype(np.float64) ** DEGREES[name]
        return total
