"""What a layer's inputs and output derivatives say about its per-example gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from collectors.noise.contributions import Contribution, Convolved, Lookup, Outer, Rows

LayerRule = Callable[[Any, Tensor, Tensor, int], dict[str, Contribution]]
"""Takes layer, input, derivative of the losses by its output, and a memory in bytes."""

GROUPED_PLACES = 64
"""Outputs a channel from which, on a CPU, a grouped convolution beats the cut-out patches."""


def linear(layer: nn.Linear, x: Tensor, delta: Tensor, memory: int) -> dict[str, Contribution]:
    """Per-example gradients of a linear layer; axes between the first and last are places.

    Parameters
    ----------
    layer : Linear
        The layer.
    x, delta : Tensor, shapes (n, ..., in) and (n, ..., out)
        Its input, and the derivative of the losses by its output.
    memory : int
        Bytes for what is held at once.

    Returns
    -------
    dict of str to Contribution
        By parameter name.

    Examples
    --------
    >>> import torch
    >>> parts = linear(nn.Linear(2, 1), torch.tensor([[3.0, 4.0]]), torch.tensor([[2.0]]), 1024)
    >>> parts["weight"].squares()[0].item(), parts["bias"].squares()[0].item()
    (100.0, 4.0)
    """
    n = len(x)
    d, a = delta.reshape(n, -1, delta.shape[-1]), x.reshape(n, -1, x.shape[-1])
    parts: dict[str, Contribution] = {
        "weight": Outer(d.transpose(1, 2)[:, None], a.transpose(1, 2)[:, None], memory)
    }
    return parts | _bias(layer, d.sum(1))


def convolution(
    layer: nn.Conv1d | nn.Conv2d, x: Tensor, delta: Tensor, memory: int
) -> dict[str, Contribution]:
    """Per-example gradients of a convolution: a linear layer that meets the patches of its input.

    Parameters
    ----------
    layer : Conv1d or Conv2d
        The layer, with any groups, stride, padding, padding mode and dilation.
    x, delta : Tensor, shapes (n, in, ...) and (n, out, ...)
        Its input, and the derivative of the losses by its output.
    memory : int
        Bytes for what is held at once.

    Returns
    -------
    dict of str to Contribution
        By parameter name.

    Examples
    --------
    >>> import torch
    >>> layer = nn.Conv1d(1, 1, 2, bias=False)
    >>> x, delta = torch.tensor([[[1.0, 2.0, 3.0]]]), torch.ones(1, 1, 2)
    >>> convolution(layer, x, delta, 1024)["weight"].gradients(0, 1).tolist()
    [[3.0, 5.0]]
    """
    n, groups, d = len(x), layer.groups, delta.flatten(2)
    x = _padded(layer, x)
    kernel = layer.weight[0, 0].numel()
    if x.device.type == "cpu" and kernel > 1 and d.shape[2] >= GROUPED_PLACES:
        part: Contribution = Convolved(delta, x, layer, memory)
    else:
        a = patches(layer, x)
        shape = (n, groups, -1, d.shape[2])
        part = Outer(d.reshape(shape), a.reshape(shape), memory)
    return {"weight": part} | _bias(layer, d.sum(2))


def patches(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> Tensor:
    """Cut the patches that a convolution's kernel meets.

    Parameters
    ----------
    layer : Conv1d or Conv2d
        The layer.
    x : Tensor, shape (n, in, ...)
        Its input, padded.

    Returns
    -------
    Tensor, shape (n, in * kernel, places)
        One patch a place of the output.

    Examples
    --------
    >>> import torch
    >>> patches(nn.Conv1d(1, 1, 2), torch.tensor([[[1.0, 2.0, 3.0]]])).tolist()
    [[[1.0, 2.0], [2.0, 3.0]]]
    """
    kernel, stride, dilation = layer.kernel_size, layer.stride, layer.dilation
    if len(kernel) == 1:
        x, kernel = x[:, :, None], (1, *kernel)
        stride, dilation = (1, *stride), (1, *dilation)
    return functional.unfold(x, kernel, dilation=dilation, stride=stride)


def _padded(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> Tensor:
    edges = list(layer._reversed_padding_repeated_twice)
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    return functional.pad(x, edges, mode=mode) if any(edges) else x


def embedding(
    layer: nn.Embedding, x: Tensor, delta: Tensor, memory: int
) -> dict[str, Contribution]:
    """Per-example gradients of an embedding table.

    Parameters
    ----------
    layer : Embedding
        The layer.
    x, delta : Tensor, shapes (n, ...) and (n, ..., width)
        Indices, and the derivative of the losses by what was looked up.
    memory : int
        Not used: products of places are held, not tables.

    Returns
    -------
    dict of str to Contribution
        By parameter name.

    Examples
    --------
    >>> import torch
    >>> layer, x = nn.Embedding(3, 1), torch.tensor([[0, 0, 2]])
    >>> embedding(layer, x, torch.ones(1, 3, 1), 1024)["weight"].squares()[0].item()
    5.0
    """
    indices = x.reshape(len(x), -1)
    d = delta.reshape(*indices.shape, delta.shape[-1])
    if layer.padding_idx is not None:
        d = d * (indices != layer.padding_idx)[..., None]
    return {"weight": Lookup(indices, d, layer.num_embeddings)}


def layer_norm(
    layer: nn.LayerNorm, x: Tensor, delta: Tensor, memory: int
) -> dict[str, Contribution]:
    """Per-example gradients of the scale and shift of a layer normalisation.

    Parameters
    ----------
    layer : LayerNorm
        The layer.
    x, delta : Tensor, shape (n, ..., *normalised)
        Its input, and the derivative of the losses by its output.
    memory : int
        Not used.

    Returns
    -------
    dict of str to Contribution
        By parameter name.

    Examples
    --------
    >>> import torch
    >>> parts = layer_norm(nn.LayerNorm(2), torch.tensor([[1.0, 3.0]]), torch.ones(1, 2), 1024)
    >>> parts["bias"].squares()[0].item()
    2.0
    """
    standard = functional.layer_norm(x, layer.normalized_shape, None, None, layer.eps)
    n, size = len(x), layer.weight.numel()
    return _scale(layer, (delta * standard).reshape(n, -1, size), delta.reshape(n, -1, size), 1)


def group_norm(
    layer: nn.GroupNorm, x: Tensor, delta: Tensor, memory: int
) -> dict[str, Contribution]:
    """Per-example gradients of the scale and shift of a group normalisation.

    Parameters
    ----------
    layer : GroupNorm
        The layer.
    x, delta : Tensor, shape (n, channels, ...)
        Its input, and the derivative of the losses by its output.
    memory : int
        Not used.

    Returns
    -------
    dict of str to Contribution
        By parameter name.

    Examples
    --------
    >>> import torch
    >>> x, delta = torch.tensor([[[1.0, 3.0]]]), torch.ones(1, 1, 2)
    >>> group_norm(nn.GroupNorm(1, 1), x, delta, 1024)["bias"].squares()[0].item()
    4.0
    """
    standard = functional.group_norm(x, layer.num_groups, None, None, layer.eps)
    return _scale(layer, _places(delta * standard), _places(delta), 2)


def batch_norm(
    layer: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor, delta: Tensor, memory: int
) -> dict[str, Contribution]:
    """Per-example gradients of a batch normalisation by its running statistics (eval mode).

    Parameters
    ----------
    layer : BatchNorm1d or BatchNorm2d
        The layer, in eval mode with running statistics.
    x, delta : Tensor, shape (n, channels, ...)
        Its input, and the derivative of the losses by its output.
    memory : int
        Not used.

    Returns
    -------
    dict of str to Contribution
        By parameter name.

    Examples
    --------
    >>> import torch
    >>> parts = batch_norm(nn.BatchNorm1d(1).eval(), torch.ones(1, 1), torch.ones(1, 1), 1024)
    >>> parts["bias"].squares()[0].item()
    1.0
    """
    standard = functional.batch_norm(x, layer.running_mean, layer.running_var, eps=layer.eps)
    return _scale(layer, _places(delta * standard), _places(delta), 2)


def _places(x: Tensor) -> Tensor:
    return x.reshape(*x.shape[:2], -1)


def _scale(layer: Any, scale: Tensor, shift: Tensor, places: int) -> dict[str, Contribution]:
    parts: dict[str, Contribution] = {}
    if layer.weight is not None:
        parts["weight"] = Rows(scale.sum(places))
    return parts | _bias(layer, shift.sum(places))


def _bias(layer: Any, rows: Tensor) -> dict[str, Contribution]:
    return {} if layer.bias is None else {"bias": Rows(rows)}


RULES: dict[type[nn.Module], LayerRule] = {
    nn.Linear: linear,
    nn.Conv1d: convolution,
    nn.Conv2d: convolution,
    nn.Embedding: embedding,
    nn.LayerNorm: layer_norm,
    nn.GroupNorm: group_norm,
    nn.BatchNorm1d: batch_norm,
    nn.BatchNorm2d: batch_norm,
}
"""By exact type: a subclass may compute something else."""


def layer_rule_of(module: nn.Module) -> LayerRule | None:
    """Find the rule of a layer.

    Parameters
    ----------
    module : Module
        A layer.

    Returns
    -------
    callable or None
        None where there is no rule, or an option of the layer makes it wrong.

    Examples
    --------
    >>> layer_rule_of(nn.Linear(1, 1)) is linear, layer_rule_of(nn.LSTM(1, 1)) is None
    (True, True)
    """
    if isinstance(module, nn.Embedding) and (
        module.sparse or module.scale_grad_by_freq or module.max_norm is not None
    ):
        return None
    if isinstance(module, nn.LayerNorm) and not module.elementwise_affine:
        return None
    return RULES.get(type(module))
