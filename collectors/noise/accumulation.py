"""Gradient noise of a training run that accumulates micro-batches, as it runs."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.noise.minibatch_pairs import PairSums, pair_estimates, squared_norm
from collectors.noise.noise_scale import NoiseScale
from collectors.parameters import chosen_parameters

WAITING = 64
"""Steps whose norms stay on the device before they are fetched."""


class MinibatchPairs:
    r"""Watch the gradients of micro-batches that are accumulated, and estimate their noise.

    Two lines in a training loop that goes backward k >= 2 times before each step:

    .. code-block:: python

        noise = MinibatchPairs(model, optimizer, batch_size=32)  # examples a backward pass
        ...                                                       # train as before
        print(noise.estimate().summary())

    Parameters
    ----------
    model : Module
        The network that is trained.
    optimizer : Optimizer
        Its step ends an accumulation.
    batch_size : int
        Examples b of one backward pass.
    accumulation : {"mean", "sum"}
        "mean" if every loss is divided by k before going backward, so that the accumulated
        gradient is the mean over all B = k b examples; "sum" if not.

    Raises
    ------
    ConfigurationError
        If the batch size is not positive, or the accumulation is unknown.

    Notes
    -----
    Each step gives `pair_estimates`; `estimate` takes means over steps, and their ratio. A step
    after a single backward pass has no pair and is left out. The gradients are read before
    clipping and never changed. Standard errors take the steps for independent, while a run's
    steps drift: call `reset` to estimate a window of training by itself.

    Batch normalisation in train mode makes a micro-batch's gradient a function of that batch.
    What is estimated is then b times the trace of the covariance of a micro-batch's gradient,
    which is well defined and depends on b.

    Cost: two dot products a parameter and backward pass, and k numbers a step; no gradient is
    kept and the device is not waited for. Every backward pass counts as a micro-batch, so two
    losses of one batch must be added before going backward; gradients scaled for mixed
    precision, or reduced over processes, are not known to it.

    Source: McCandlish et al. 2018, "An empirical model of large-batch training", appendix A.1.

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> noise = MinibatchPairs(model, optimizer, batch_size=1)
    >>> for x in (1.0, 3.0):
    ...     torch.autograd.backward(model(torch.tensor([x])).sum() / 2)
    >>> optimizer.step()
    >>> noise.estimate().covariance_trace
    2.0
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        batch_size: int,
        *,
        accumulation: Literal["mean", "sum"] = "mean",
    ) -> None:
        if batch_size < 1 or accumulation not in ("mean", "sum"):
            raise ConfigurationError(
                "expected a batch size of at least 1 and accumulation 'mean' or 'sum'; got "
                f"{batch_size} and {accumulation!r}"
            )
        self._model, self._b, self._mean = model, batch_size, accumulation == "mean"
        self.reset()
        self._hooks: list[Any] = [optimizer.register_step_pre_hook(self._finish)]
        for p in chosen_parameters(model).values():
            self._hooks.append(p.register_hook(lambda g, p=p: self._see(p, g)))
            self._hooks.append(p.register_post_accumulate_grad_hook(self._count))

    def reset(self) -> None:
        """Forget all steps, and what has been accumulated since the last."""
        self._sums = PairSums.empty()
        self._waiting: list[tuple[int, Tensor]] = []
        self._modes: set[bool] = set()
        self._clear()

    def estimate(self) -> NoiseScale:
        """Estimate from all steps since the start or the last `reset`.

        Returns
        -------
        NoiseScale
            With one unit a step.

        Raises
        ------
        ConfigurationError
            If no step had two backward passes.
        """
        self._fetch()
        train = self._modes == {True}
        return self._sums.estimate(
            "train" if train else "eval" if self._modes == {False} else "as_found"
        )

    def close(self) -> None:
        """Stop watching; what was seen remains."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def __enter__(self) -> MinibatchPairs:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _clear(self) -> None:
        self._passes: Counter[int] = Counter()
        self._last: dict[int, Tensor] = {}
        self._parts: dict[int, Tensor] = {}
        self._union: dict[int, Tensor] = {}

    def _see(self, p: Tensor, gradient: Tensor) -> None:
        """Note one backward pass's gradient; ``autograd.grad`` comes by here too."""
        self._last[id(p)] = squared_norm([gradient])

    def _count(self, p: Tensor) -> None:
        """Count the gradient just noted, now that it has been added to ``p.grad``."""
        part = self._last.pop(id(p), None)
        if part is None or p.grad is None:
            return
        self._passes[id(p)] += 1
        before = self._parts.get(id(p))
        self._parts[id(p)] = part if before is None else before + part
        self._union[id(p)] = squared_norm([p.grad])

    def _finish(self, *_: object) -> None:
        """End of an accumulation: keep the step's two numbers."""
        k = max(self._passes.values(), default=0)
        if k >= 2:
            pairs = [torch.stack(list(x.values())).sum() for x in (self._parts, self._union)]
            self._waiting.append((k, torch.stack(pairs)))
            self._modes.add(self._model.training)
        self._clear()
        if len(self._waiting) >= WAITING:
            self._fetch()

    def _fetch(self) -> None:
        """Turn norms into estimates; mean |g_b|^2 stands for each of the k equal parts."""
        if not self._waiting:
            return
        numbers = torch.stack([x for _, x in self._waiting]).double().tolist()
        for (k, _), (parts, union) in zip(self._waiting, numbers, strict=True):
            mean = parts * k if self._mean else parts / k
            whole = union if self._mean else union / k**2
            self._sums.add(*pair_estimates([mean] * k, [self._b] * k, whole))
        self._waiting = []
