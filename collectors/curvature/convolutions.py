"""Convolutions whose second derivatives cost no more than their first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual
from torch.overrides import TorchFunctionMode

AXES = {torch.conv1d: 1, torch.conv2d: 2, torch.conv3d: 3}
"""Spatial dimensions of what is replaced."""
Options = tuple[list[int], list[int], list[int], bool, list[int], int]
"""Stride, padding, dilation, transposed, output padding, groups."""


class QuickConvolutions(TorchFunctionMode):
    """Within this context convolutions are built for products with a Hessian.

    torch differentiates the gradient of a convolution by convolutions in which the examples stand
    for channels and the image for a kernel. The same derivatives are gradients of two other
    convolutions, and are taken as such here. A Hessian product then takes 0.6 of the time on
    LeNet-5 and 0.8 to 0.95 on residual, grouped and one-dimensional networks; on a GPU 0.25 to
    0.4 on a stack of 3 x 3 convolutions and 0.8 to 1.2 on LeNet-5. Values, and derivatives of
    every order, are unchanged up to rounding.

    Left to torch is what this would break or does not cover: what torch.compile traces (second
    derivatives through its copy of this would be wrong), functorch's transforms, dual numbers,
    autocast, tensors of other classes, images without a batch, and padding that differs from
    side to side.

    Of use for double backward by all operands alone: both derivatives of a convolution are taken
    wherever both operands need one, so that Gauss-Newton products cost more than without.

    Examples
    --------
    >>> weight = torch.ones(1, 1, 2, 2, requires_grad=True)
    >>> with QuickConvolutions():
    ...     torch.conv2d(torch.ones(1, 1, 2, 2), weight).item()
    4.0
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Replace a convolution, and call everything else."""
        if func in AXES:
            return _convolved(func, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _convolved(
    func: Callable[..., Tensor],
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    axes = AXES[func]
    steps, spread = _each(stride, axes), _each(dilation, axes)
    margins = _margins(padding, weight, spread, axes)
    if margins is None or not _plain(input, weight, bias, axes):
        return func(input, weight, bias, stride, padding, dilation, groups)
    options = (steps, margins, spread, False, [0] * axes, groups)
    return _apply(_Convolution, input, weight, bias, options)


def _apply(function: type[torch.autograd.Function], *arguments: Any) -> Any:
    """Apply a function of torch, which states no types."""
    apply: Callable[..., Any] = function.apply
    return apply(*arguments)


def _plain(input: Tensor, weight: Tensor, bias: Tensor | None, axes: int) -> bool:
    """Whether these are batched, dense tensors outside of any transform."""
    given = [t for t in (input, weight, bias) if t is not None]
    return (
        input.ndim == weight.ndim == axes + 2
        and all(type(t) in (Tensor, torch.nn.Parameter) for t in given)
        and all(t.layout == torch.strided and t.is_floating_point() for t in given)
        and any(t.requires_grad for t in given)
        and torch.is_grad_enabled()
        and all(unpack_dual(t).tangent is None for t in given)
        and not torch.is_autocast_enabled(input.device.type)
        and not torch.compiler.is_compiling()
        and not torch._C._are_functorch_transforms_active()
    )


def _each(value: int | Sequence[int], axes: int) -> list[int]:
    values = [value] if isinstance(value, int) else list(value)
    return values * axes if len(values) == 1 else values


def _margins(
    padding: str | int | Sequence[int], weight: Tensor, dilation: list[int], axes: int
) -> list[int] | None:
    """Return the padding at either side, or None where the two differ."""
    if padding == "valid":
        return [0] * axes
    if not isinstance(padding, str):
        return _each(padding, axes)
    both = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
    return None if any(b % 2 for b in both) else [b // 2 for b in both]


class _Convolution(torch.autograd.Function):
    """Y = conv(x, w) + b."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor | None, options: Options) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.options = options
        return torch.ops.aten.convolution(x, w, b, *options)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w = ctx.saved_tensors
        return *_apply(_Gradient, g, x, w, ctx.options, ctx.needs_input_grad[:3]), None


class _Gradient(torch.autograd.Function):
    """Gradients of sum(g * conv(x, w) + b) by x, w and b: linear in g, and in w or x."""

    @staticmethod
    def forward(
        ctx: Any, g: Tensor, x: Tensor, w: Tensor, options: Options, wanted: tuple[bool, ...]
    ) -> tuple[Tensor | None, ...]:
        ctx.save_for_backward(g, x, w)
        ctx.set_materialize_grads(False)
        ctx.options = options
        return _gradients(g, x, w, options, wanted)

    @staticmethod
    def backward(
        ctx: Any, by_x: Tensor | None, by_w: Tensor | None, by_b: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        g, x, w = ctx.saved_tensors
        needs_g, needs_x, needs_w = ctx.needs_input_grad[:3]
        found_g = _along(by_x, by_w, by_b, g, x, w, options=ctx.options) if needs_g else None
        found_x = found_w = None
        if needs_x and by_w is not None:
            found_x = _gradients(g, x, by_w, ctx.options, (True, False, False))[0]
        if needs_w and by_x is not None:
            found_w = _gradients(g, by_x, w, ctx.options, (False, True, False))[1]
        return found_g, found_x, found_w, None, None


def _gradients(
    g: Tensor, x: Tensor, w: Tensor, options: Options, wanted: tuple[bool, ...]
) -> tuple[Tensor | None, ...]:
    found = torch.ops.aten.convolution_backward(g, x, w, [len(w)], *options, list(wanted))
    return tuple(each if want else None for each, want in zip(found, wanted, strict=True))


def _along(
    by_x: Tensor | None,
    by_w: Tensor | None,
    by_b: Tensor | None,
    *given: Tensor,
    options: Options,
) -> Tensor | None:
    """conv(by_x, w) + conv(x, by_w) + by_b, without what is None."""
    g, x, w = given
    found: Tensor | None = None
    for image, kernel in ((x, by_w), (by_x, w)):
        if image is not None and kernel is not None:
            term = torch.ops.aten.convolution(image, kernel, by_b, *options)
            found, by_b = term if found is None else found.add_(term), None
    if by_b is not None:
        return by_b.reshape(-1, *[1] * (g.ndim - 2)).expand_as(g)
    return found
