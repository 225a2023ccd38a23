"""Parameters without influence, drawn anew to grow the capacity of a small network.

While a network is trained by plain gradient descent, streaming sums of squared changes and loss
changes are kept. At the end of each period every rule ranks the weights of each layer, and the
lowest share of them is drawn anew from the distribution that they were first drawn from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import pandas as pd
import torch
from torch import Generator, Tensor

from case_studies.outlook.images import Images
from case_studies.outlook.members import (
    Member,
    begin,
    descend,
    gradients_at,
    losses_at,
    minibatches,
    score,
)
from collectors.ensembles.stacked_optimizers import Stacked

WIDTHS = (24, 16)
PERIOD, PERIODS, UPDATES = 780, 8, 7800
"""Two epochs a period; eight of ten periods end with new draws, the last two train on."""
RATES = (0.05, 0.1, 0.2)
SHARES = (0.05, 0.2)
RULES = {
    "causal": "|correlation| of squared change and loss change",
    "causal_shifted": "the same, with the loss change of the step before half the period",
    "movement": "sum of squared changes",
    "fisher": "squared weight times sum of squared changes",
    "magnitude": "|weight|",
    "random": "a random number",
}
ARMS = ("plain", *(f"{rule} {share:g}" for rule, share in product(RULES, SHARES)))


def run(images: Images, seeds: Sequence[int], device: str, updates: int = UPDATES) -> pd.DataFrame:
    """Train every seed with every arm and learning rate.

    Returns
    -------
    pandas.DataFrame
        A row a member and evaluation (at the end of the last new draws' period, and at the end):
        seed, arm, rate, updates, and loss and accuracy of each part.
    """
    model, start = begin(WIDTHS, seeds, device)
    members = [Member(seed, arm, rate) for seed in seeds for arm in ARMS for rate in RATES]
    each = len(members) // len(seeds)
    parameters = {k: p.repeat_interleave(each, 0) for k, p in start.items()}
    rates = torch.tensor([m.rate for m in members], device=device)
    generators = {seed: torch.Generator(device).manual_seed(seed) for seed in seeds}
    period = max(2, updates * PERIOD // UPDATES)
    sums, frames = _Sums(parameters, period), []
    orders = minibatches(images, [seed + 10_000 for seed in seeds], updates, repeats=each)
    for step, batch in enumerate(orders, 1):
        found, before = gradients_at(model, batch)(parameters)
        descend(parameters, found, rates)
        sums.add(found, rates, losses_at(model, parameters, batch) - before)
        if step % period == 0 and step <= PERIODS * period:
            _draw_anew(parameters, sums, members, generators)
            sums = _Sums(parameters, period)
        if step in (PERIODS * period, updates):
            frames.append(score(model, parameters, members, images, step))
    return pd.concat(frames, ignore_index=True)


class _Sums:
    """Sums over the steps of a period: of x, its square, xy, and x with an earlier y."""

    def __init__(self, parameters: Stacked, period: int) -> None:
        weights = {k: p for k, p in parameters.items() if p.ndim == 3}
        self._sums = {k: torch.zeros(4, *p.shape, device=p.device) for k, p in weights.items()}
        self._scale: Stacked = {}
        self._responses: list[Tensor] = []
        self._lag = period // 2

    def add(self, gradients: Stacked, rates: Tensor, response: Tensor) -> None:
        """Add a step."""
        self._responses.append(response)
        early = len(self._responses) <= self._lag
        lagged = torch.zeros_like(response) if early else self._responses[-1 - self._lag]
        for name, held in self._sums.items():
            x = (gradients[name] * rates.view(-1, 1, 1)) ** 2
            # squares of squares of small changes would vanish in single precision
            unit = self._scale.setdefault(name, 1 / x.mean((1, 2), keepdim=True).clamp_min(1e-30))
            x = x * unit
            held[0] += x
            held[1] += x * x
            held[2] += x * response.view(-1, 1, 1)
            held[3] += x * lagged.view(-1, 1, 1) if not early else 0.0

    def ranks(self, name: str, weights: Tensor) -> dict[str, Tensor]:
        """Return what each rule but the random one ranks by, of the members' shape."""
        x, xx, xy, shifted = self._sums[name]
        y = torch.stack(self._responses)
        n = len(y)
        mean = x / n
        spread = (xx / n - mean**2).clamp_min(0).sqrt()
        own = (xy / n - mean * y.mean(0).view(-1, 1, 1)).abs()
        # the lagged sum has no pair for the first half; its mean is taken over those it has
        pairs = n - self._lag
        other = (shifted / pairs - mean * y[:pairs].mean(0).view(-1, 1, 1)).abs()
        movement = x / self._scale[name]
        return {
            "causal": torch.where(spread > 0, own / spread, 0.0),
            "causal_shifted": torch.where(spread > 0, other / spread, 0.0),
            "movement": movement,
            "fisher": weights**2 * movement,
            "magnitude": weights.abs(),
        }


def _draw_anew(
    parameters: Stacked,
    sums: _Sums,
    members: Sequence[Member],
    generators: dict[int, Generator],
) -> None:
    """Draw the lowest share of every layer anew; members of a seed get the same numbers."""
    for name, weights in parameters.items():
        if weights.ndim != 3:
            continue
        ranks = sums.ranks(name, weights)
        bound = 1 / math.sqrt(weights.shape[2])
        shape = weights.shape[1:]
        fresh = {
            seed: (torch.rand(2, *shape, generator=g, device=weights.device))
            for seed, g in generators.items()
        }
        for at, member in enumerate(members):
            if member.arm == "plain":
                continue
            rule, share = member.arm.split()
            values, lottery = fresh[member.seed]
            own = lottery if rule == "random" else ranks[rule][at]
            count = round(float(share) * own.numel())
            lowest = own.flatten().topk(count, largest=False).indices
            weights[at].view(-1)[lowest] = ((2 * values - 1) * bound).flatten()[lowest]
