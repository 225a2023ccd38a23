"""What each operation does to sums over paths of squared weights."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils import _pytree as pytree


class PathsUndefined(Exception):  # noqa: N818 - not an error of the user's until it is reported
    """An operation through which no path can be followed; its name is the message."""


class Paths(Tensor):
    """Sums over the paths that end in each unit of the squared products of their weights.

    Torch's functions that meet it go by the rules of this module; one without a rule raises.
    """

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Apply the rule of a function."""
        name = getattr(function, "__name__", str(function))
        kwargs = kwargs or {}
        if name == "__get__":  # an attribute, such as shape
            with torch._C.DisableTorchFunctionSubclass():
                found = function(*args, **kwargs)
            return found.as_subclass(cls) if isinstance(found, Tensor) else found
        rule = RULES.get(name.strip("_"))
        if rule is None:
            raise PathsUndefined(repr(name))
        with torch._C.DisableTorchFunctionSubclass():
            found = rule(function, *args, **kwargs)
            if _writes(name):
                return _wrap(_plain(args[0]).copy_(found))
            return pytree.tree_map(_wrap, found)


def _writes(name: str) -> bool:
    """Whether a function writes into its first argument: ``add_``, ``__iadd__``."""
    special = name.startswith("__")
    return name.startswith("__i") if special else name.endswith("_")


def _wrap(x: Any) -> Any:
    return x.as_subclass(Paths) if isinstance(x, Tensor) and x.is_floating_point() else x


def _plain(x: Any) -> Any:
    return x.as_subclass(Tensor) if isinstance(x, Paths) else x


def _weight(x: Any) -> Any:
    """Square a weight, in float64; refuse what is itself made of paths."""
    if isinstance(x, Paths):
        raise PathsUndefined("the product of two activations")
    return None if x is None else x.detach().double().square()


def _same(function: Any, x: Any, *_: Any, **__: Any) -> Any:
    """Rectifiers, and dropout in eval mode: every path goes on."""
    return _plain(x).clone()


def _pad(function: Any, x: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    if value:
        raise PathsUndefined("padding with a number other than zero")
    return function(_plain(x), pad, mode)


def _shape(function: Any, *args: Any, **kwargs: Any) -> Any:
    """Reshape, select or pad with zeros: paths move, and none is made."""
    return function(*pytree.tree_map(_plain, args), **kwargs)


def _affine(
    function: Any, x: Any, weight: Any, bias: Any = None, *args: Any, **kwargs: Any
) -> Any:
    """Linear layers and convolutions, with squared weights."""
    return function(_plain(x), _weight(weight), _weight(bias), *args, **kwargs)


def _batch_norm(
    function: Any, x: Any, mean: Any, var: Any, weight: Any, bias: Any, *rest: Any, **named: Any
) -> Any:
    """Fold to a scale and a bias."""
    eps = named.get("eps", rest[-1] if rest else 1e-5)
    scale = (var.double() + eps).rsqrt()
    scale = scale if weight is None else scale * weight.detach().double()
    shift = -mean.double() * scale
    shift = shift if bias is None else shift + bias.detach().double()
    shape = (1, -1, *[1] * (x.ndim - 2))
    plain = _plain(x)
    return plain * scale.square().reshape(shape) + shift.square().reshape(shape)


def _add(function: Any, a: Any, b: Any, *, alpha: float = 1, **_: Any) -> Any:
    """Sum: paths of both, or of one and a bias."""
    return _term(a) + alpha**2 * _term(b)


def _right_sub(function: Any, a: Any, b: Any, **_: Any) -> Any:
    return _add(function, b, a)


def _term(x: Any) -> Any:
    if isinstance(x, Paths):
        return _plain(x)
    return _weight(x) if isinstance(x, Tensor) else float(x) ** 2


def _mul(function: Any, a: Any, b: Any, **_: Any) -> Any:
    """Multiply by a number or by weights."""
    if not isinstance(a, Paths):
        a, b = b, a
    return _plain(a) * (_weight(b) if isinstance(b, Tensor) else float(b) ** 2)


def _div(function: Any, a: Any, b: Any, **_: Any) -> Any:
    if not isinstance(a, Paths):
        raise PathsUndefined("division by an activation")
    return _plain(a) / (_weight(b) if isinstance(b, Tensor) else float(b) ** 2)


def _matmul(function: Any, a: Any, b: Any, **_: Any) -> Any:
    """Multiply by a matrix of weights."""
    left = _plain(a) if isinstance(a, Paths) else _weight(a)
    return left @ (_weight(b) if isinstance(a, Paths) else _plain(b))


def _sum(function: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
    return function(_plain(x), *args, **kwargs)


def _mean(function: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
    """Mean of m: m edges of weight 1 / m."""
    mean = function(_plain(x), *args, **kwargs)
    return mean * mean.numel() / x.numel()


def _max_pool(axes: int) -> Callable[..., Any]:
    """Sum over the window: each of its inputs is passed on."""

    def rule(function: Any, *args: Any, **kwargs: Any) -> Any:
        given = inspect.signature(getattr(functional, f"_max_pool{axes}d")).bind(*args, **kwargs)
        named = given.arguments
        if named.get("ceil_mode"):
            raise PathsUndefined("max-pooling with ceil_mode")
        x = _plain(named["input"])
        kernel = _tuple(named["kernel_size"], axes)
        stride = _tuple(named.get("stride") or kernel, axes)
        channels = x.shape[1]
        window = x.new_ones(channels, 1, *kernel)
        options = {
            "stride": stride,
            "padding": _tuple(named.get("padding", 0), axes),
            "dilation": _tuple(named.get("dilation", 1), axes),
            "groups": channels,
        }
        return _convolve(axes)(x, window, **options)

    return rule


def _average_pool(axes: int) -> Callable[..., Any]:
    """Edges 1 / m: the mean of ones through the same pooling gives the m of every window."""

    def rule(function: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        plain = _plain(x)
        if kwargs.get("ceil_mode") or (len(args) > 3 and args[3]):
            raise PathsUndefined("average pooling with ceil_mode")
        if kwargs.get("divisor_override") or (len(args) > 5 and args[5]):
            raise PathsUndefined("average pooling with a divisor of its own")
        kernel = _tuple(args[0] if args else kwargs["kernel_size"], axes)
        stride = args[1] if len(args) > 1 else kwargs.get("stride")
        padding = args[2] if len(args) > 2 else kwargs.get("padding", 0)
        window = plain.new_ones(1, 1, *kernel)
        place = {"stride": _tuple(stride or kernel, axes), "padding": _tuple(padding, axes)}
        counted = _convolve(axes)(plain.new_ones(1, 1, *plain.shape[2:]), window, **place)
        include = args[4] if len(args) > 4 else kwargs.get("count_include_pad", True)
        sizes = torch.full_like(counted, math.prod(kernel)) if include else counted
        channels = plain.shape[1]
        sums = _convolve(axes)(
            plain, window.expand(channels, 1, *kernel), groups=channels, **place
        )
        return sums / sizes.square()

    return rule


def _adaptive_average(axes: int) -> Callable[..., Any]:
    """Windows of the sizes that adaptive pooling gives them."""

    def rule(function: Any, x: Any, output_size: Any, **_: Any) -> Any:
        plain = _plain(x)
        found = function(plain, output_size)
        for axis in range(2, 2 + axes):
            length, out = plain.shape[axis], found.shape[axis]
            sizes = [-(-(i + 1) * length // out) - i * length // out for i in range(out)]
            shape = [-1 if a == axis else 1 for a in range(plain.ndim)]
            found = found / found.new_tensor(sizes).reshape(shape)
        return found

    return rule


def _adaptive_max(axes: int) -> Callable[..., Any]:
    """Sum over the adaptive window."""
    average = _adaptive_average(axes)
    pool = getattr(functional, f"adaptive_avg_pool{axes}d")

    def rule(function: Any, x: Any, output_size: Any, *_: Any, **__: Any) -> Any:
        mean = pool(_plain(x), output_size)
        weighted = average(pool, x, output_size)
        # mean = sum / m and weighted = sum / m^2
        return torch.where(weighted > 0, mean.square() / weighted, 0.0)

    return rule


def _convolve(axes: int) -> Callable[..., Tensor]:
    return (functional.conv1d, functional.conv2d, functional.conv3d)[axes - 1]


def _tuple(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value) * (axes // len(value))


RULES: dict[str, Callable[..., Any]] = {
    **dict.fromkeys("relu leaky_relu threshold dropout feature_dropout".split(), _same),
    **dict.fromkeys("dropout1d dropout2d dropout3d alpha_dropout contiguous".split(), _same),
    **dict.fromkeys("clone detach".split(), _same),
    **dict.fromkeys("view reshape flatten permute transpose unsqueeze squeeze".split(), _shape),
    **dict.fromkeys("cat concat stack chunk split getitem select narrow".split(), _shape),
    **dict.fromkeys(
        "size dim len numel is_floating_point expand repeat unflatten".split(), _shape
    ),
    **dict.fromkeys("swapaxes movedim pixel_shuffle unbind stride t mT".split(), _shape),
    **dict.fromkeys("linear conv1d conv2d conv3d".split(), _affine),
    **dict.fromkeys("conv_transpose1d conv_transpose2d conv_transpose3d".split(), _affine),
    "pad": _pad,
    "batch_norm": _batch_norm,
    **dict.fromkeys("add iadd radd sub isub".split(), _add),
    "rsub": _right_sub,
    **dict.fromkeys("mul imul rmul".split(), _mul),
    **dict.fromkeys("div idiv truediv itruediv".split(), _div),
    **dict.fromkeys("matmul mm rmatmul".split(), _matmul),
    "sum": _sum,
    "mean": _mean,
    **{f"max_pool{a}d": _max_pool(a) for a in (1, 2, 3)},
    **{f"avg_pool{a}d": _average_pool(a) for a in (1, 2, 3)},
    **{f"adaptive_avg_pool{a}d": _adaptive_average(a) for a in (1, 2, 3)},
    **{f"adaptive_max_pool{a}d": _adaptive_max(a) for a in (1, 2, 3)},
}
"""By the function's name, without underscores around it."""
