"""Margins: how far the predictions are from changing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from causalhyper.errors import ConfigurationError
from collectors.batches import Data, Inputs, batches, count
from collectors.calls import call
from collectors.model_state import measuring
from collectors.noise.refusals import refuse_batch_statistics


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    r"""Output margins: the true class's logit minus the best other one.

    .. math:: m_i = f_{y_i}(x_i) - \max_{c \neq y_i} f_c(x_i)

    Parameters
    ----------
    logits : Tensor, shape (n, classes)
        Two or more classes.
    labels : Tensor of int64, shape (n,)
        The true classes.

    Returns
    -------
    Tensor, shape (n,)
        In units of a logit (nats); positive exactly where the prediction is right (ties aside);
        NaN where a logit of the example is NaN.

    Raises
    ------
    ConfigurationError
        If the shapes do not fit, or there is one class only.

    Notes
    -----
    Cost: none beyond the logits. Not normalised by the network's norms. Source: Bartlett,
    Foster and Telgarsky 2017, "Spectrally-normalized margin bounds", section 1.

    Examples
    --------
    >>> margins(torch.tensor([[2.0, 0.5, 1.0], [0.0, 3.0, 1.0]]), torch.tensor([0, 2])).tolist()
    [1.0, -2.0]
    """
    if logits.ndim != 2 or logits.shape[1] < 2 or labels.shape != logits.shape[:1]:
        raise ConfigurationError(
            "margins need logits of shape (n, classes >= 2) and labels of shape (n,); got "
            f"{tuple(logits.shape)} and {tuple(labels.shape)}"
        )
    rows = torch.arange(len(labels), device=logits.device)
    others = logits.clone()
    others[rows, labels] = -torch.inf
    return logits[rows, labels] - others.max(dim=1).values


def input_margins(
    model: nn.Module,
    data: Data | Inputs,
    labels: Tensor | None = None,
    *,
    norm: Literal["l1", "l2", "linf"] = "l2",
    classes: Literal["runner_up", "all"] = "all",
) -> Tensor:
    r"""Distance in input space to the decision boundary, to first order.

    .. math:: d_i = \min_{c \neq y_i}
              \frac{f_{y_i}(x_i) - f_c(x_i)}{\|\nabla_x f_{y_i}(x_i) - \nabla_x f_c(x_i)\|_*}

    with the dual norm of the distance's below.

    Parameters
    ----------
    model : Module
        A classifier whose output is logits, measured in eval mode.
    data : tuple (inputs, labels), or iterable of such
        One batch, or batches; labels are the true classes, of int64, shape (n,). The distance is
        in all tensors of floating point of the inputs together.
    labels : Tensor of int64, shape (n,), optional
        The true classes, where `data` is the inputs of one batch alone.
    norm : {"l1", "l2", "linf"}
        Norm of the distance.
    classes : {"all", "runner_up"}
        "all" takes the least over the other classes; "runner_up" the class with the highest
        other logit alone, which need not be the nearest.

    Returns
    -------
    Tensor, shape (n,)
        In units of the input; negative where the prediction is wrong; infinite where the
        gradient vanishes, NaN where a logit is.

    Raises
    ------
    ConfigurationError
        If the logits and labels do not fit, an option is unknown, no input is of floating
        point, or a layer normalises by the batch.

    Notes
    -----
    Exact for a network that is linear in its input, else an approximation: a rectifier network
    is linear only near the example. Cost: one gradient by the inputs for every class but one
    ("all"), or one in all ("runner_up").

    Source: Elsayed et al. 2018, "Large margin deep networks for classification", equation 4.

    Examples
    --------
    >>> model = nn.Linear(2, 2, bias=False)
    >>> _ = model.weight.detach().copy_(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    >>> round(input_margins(model, (torch.tensor([[3.0, 4.0]]), torch.tensor([0]))).item(), 5)
    5.0
    """
    duals = {"l1": math.inf, "l2": 2.0, "linf": 1.0}
    if norm not in duals or classes not in ("runner_up", "all"):
        raise ConfigurationError(
            "expected norm 'l1', 'l2' or 'linf' and classes 'all' or 'runner_up'; got "
            f"{norm!r} and {classes!r}"
        )
    pairs = _labelled(data, labels)
    with measuring(model, "eval"), torch.enable_grad():
        refuse_batch_statistics(model)
        for p in model.parameters():
            p.requires_grad_(False)
        parts = [
            _batch_margins(model, x, y, duals[norm], classes == "all")
            for x, y in batches(pairs, model)
        ]
    if not parts:
        raise ConfigurationError("the data hold no example: give one batch at least")
    return torch.cat(parts)


def _labelled(data: Data | Inputs, labels: Tensor | None) -> Data:
    if labels is not None:
        return data, labels
    if isinstance(data, (Tensor, Mapping)):
        raise ConfigurationError(
            "input margins need the true classes: give one batch as a tuple (inputs, labels), or "
            "a list or loader of such; got inputs alone"
        )
    return data


def _batch_margins(
    model: nn.Module, inputs: Any, labels: Tensor, dual: float, every: bool
) -> Tensor:
    moving = pytree.tree_map(_moving, inputs)
    leaves = [x for x in pytree.tree_leaves(moving) if _moves(x)]
    if not leaves:
        raise ConfigurationError(
            "input margins need inputs of floating point: a distance between indices is none"
        )
    logits = call(model, moving)
    margins(logits.detach(), labels)
    return _nearest(logits, labels, leaves, dual, every)


def _moves(x: Any) -> bool:
    return isinstance(x, Tensor) and x.requires_grad


def _moving(x: Any) -> Any:
    differentiable = isinstance(x, Tensor) and x.is_floating_point()
    return x.detach().clone().requires_grad_() if differentiable else x


def _nearest(
    logits: Tensor, labels: Tensor, leaves: list[Tensor], dual: float, every: bool
) -> Tensor:
    n, width = logits.shape
    rows = torch.arange(n, device=logits.device)
    order = logits.detach().clone()
    order[rows, labels] = -torch.inf
    best = torch.full((n,), torch.inf, dtype=logits.dtype, device=logits.device)
    for rank in range(width - 1 if every else 1):
        rival = order.argsort(dim=1, descending=True)[:, rank]
        gap = logits[rows, labels] - logits[rows, rival]
        slopes = torch.autograd.grad(gap.sum(), leaves, retain_graph=True, allow_unused=True)
        flat = [torch.zeros(n, 1).to(gap) if g is None else g.flatten(1) for g in slopes]
        size = torch.linalg.vector_norm(torch.cat(flat, 1), dual, dim=1)
        best = torch.minimum(best, torch.where(size > 0, gap.detach() / size, torch.inf))
    return torch.where(logits.detach().isfinite().all(1), best, torch.nan)


def margin_quantiles(
    margins: Tensor, levels: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95)
) -> dict[float, float]:
    """Summarise a distribution of margins by quantiles.

    Parameters
    ----------
    margins : Tensor, shape (n,)
        Output or input margins, normalised or not.
    levels : sequence of float
        Levels from 0 to 1.

    Returns
    -------
    dict of float to float
        By level, interpolated as numpy does; NaN where a margin is.

    Raises
    ------
    ConfigurationError
        If there is no margin, or a level is outside 0 to 1.

    Notes
    -----
    Jiang et al. 2019, "Predicting the generalization gap in deep networks with margin
    distributions", use the quartiles and whiskers of normalised margins.

    Examples
    --------
    >>> margin_quantiles(torch.tensor([1.0, 2.0, 4.0]), [0.5])
    {0.5: 2.0}
    """
    if margins.ndim != 1 or not len(margins) or not all(0 <= q <= 1 for q in levels):
        raise ConfigurationError(
            f"expected a vector of margins and levels from 0 to 1; got shape "
            f"{tuple(margins.shape)} and levels {list(levels)}"
        )
    found = torch.quantile(
        margins.double(), torch.tensor(levels).to(margins.device, torch.float64)
    )
    return dict(zip(levels, found.tolist(), strict=True))


def input_size(inputs: Any) -> float:
    """Root mean square norm of the examples: Frobenius norm of the data over the root of n.

    Parameters
    ----------
    inputs : tensors
        One batch.

    Returns
    -------
    float
        In units of the input, over all tensors of floating point.

    Examples
    --------
    >>> input_size(torch.tensor([[3.0, 4.0], [5.0, 0.0]]))
    5.0
    """
    leaves = [x for x in pytree.tree_leaves(inputs) if isinstance(x, Tensor)]
    total = math.fsum(
        float(x.detach().double().square().sum()) for x in leaves if x.is_floating_point()
    )
    return math.sqrt(total / count(inputs))
