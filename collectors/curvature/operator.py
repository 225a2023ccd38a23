"""A network's curvature as an operator on vectors: over one batch or many, in a stated mode."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from causalhyper.errors import ConfigurationError
from collectors.batches import Data, batches
from collectors.calls import Loss, call, check_losses
from collectors.curvature.convolutions import QuickConvolutions
from collectors.curvature.products import Product, gauss_newton_product, hessian_product
from collectors.kept import KeptEntries, places_kept
from collectors.model_state import Mode, measuring
from collectors.parameters import chosen_parameters

Kind = Literal["hessian", "gauss_newton"]
"""The Hessian of the mean loss, or its generalised Gauss-Newton part."""


class Curvature:
    """The curvature of the mean loss over all examples, as a map on rows of vectors.

    Made by `curvature_of`, and of use within its context only. Every example weighs the same,
    also in a last batch that is smaller.

    Attributes
    ----------
    model : Module
        The network.
    loss : callable
        Per-example losses.
    parameters : tuple of Parameter
        What is differentiated by.
    kind : {"hessian", "gauss_newton"}
        Which matrix.
    kept : Tensor of int64, optional
        Places of the entries that masks keep, in the vector of all numbers of the parameters.
    size : int
        p, numbers in the parameters, or in those of them that are kept.
    sizes : tuple of int
        How many of them belong to each parameter.
    examples : int
        n, examples in the data.
    mean_loss : float
        Mean loss over the examples.
    products : int
        Matrix-vector products taken so far.
    one_output : bool
        Whether the network's outputs are one tensor.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        data: Data,
        kind: Kind,
        parameters: tuple[nn.Parameter, ...],
        seed: int,
        kept: Tensor | None = None,
    ) -> None:
        _check_precision(parameters)
        self.model, self.loss, self.kind, self._data = model, loss, kind, data
        self.parameters, self.kept = parameters, kept
        self.sizes = _sizes(parameters, kept)
        self.size = sum(self.sizes)
        self.products = 0
        self._seed = seed
        self._kept: Product | None = None
        self.one_output = True
        with self._built():
            self.examples, self.mean_loss = self._first_pass()

    @property
    def like(self) -> Tensor:
        """An empty tensor of the vectors' type and device."""
        first = self.parameters[0]
        return torch.empty(0, dtype=first.dtype, device=first.device)

    def __call__(self, vectors: Tensor) -> Tensor:
        """Multiply one vector of shape (p,), or each row of (k, p)."""
        rows = self.expand(vectors.reshape(-1, self.size))
        self.products += len(rows)
        with self._built():
            if self._kept is not None:
                images = torch.stack([self._kept(row) for row in rows])
            else:
                images = self._rebuilt(rows)
        if self.kept is not None:
            images = images[:, self.kept]
        return images.reshape(vectors.shape)

    def expand(self, rows: Tensor) -> Tensor:
        """Set rows (k, p) of the kept entries among zeros in place of all the others."""
        if self.kept is None:
            return rows
        wide = rows.new_zeros(len(rows), sum(p.numel() for p in self.parameters))
        wide[:, self.kept] = rows
        return wide

    def other(self, kind: Kind) -> Curvature:
        """Return another matrix of the same network, data and draws of dropout."""
        return Curvature(
            self.model, self.loss, self._data, kind, self.parameters, self._seed, self.kept
        )

    def passes(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Go through the data: outputs and per-example losses of each batch, with their graph.

        Layers that draw (dropout) draw the same at every pass.
        """
        torch.manual_seed(self._seed)
        for inputs, targets in batches(self._data, self.model):
            outputs = call(self.model, inputs)
            yield outputs, check_losses(self.loss(outputs, targets))

    def _built(self) -> AbstractContextManager[object]:
        """Return the context in which graphs, also those of checkpoints, are built."""
        return QuickConvolutions() if self.kind == "hessian" else nullcontext()

    def _first_pass(self) -> tuple[int, float]:
        """Count examples; keep the graph where there is one batch only."""
        kept: tuple[Tensor, Tensor] | None = None
        passed, examples, total = 0, 0, 0.0
        for outputs, losses in self.passes():
            passed += 1
            examples += losses.numel()
            total += float(losses.detach().sum())
            kept = (outputs, losses) if passed == 1 else None
            self.one_output &= isinstance(outputs, Tensor)
        if not passed:
            raise ConfigurationError("the data hold no batch: expected at least one")
        if kept is not None:
            self._kept = self._product(kept[0], kept[1].mean())
        return examples, total / examples

    def _product(self, outputs: Tensor, value: Tensor) -> Product:
        if self.kind == "hessian":
            return hessian_product(value, self.parameters)
        if not isinstance(outputs, Tensor):
            raise ConfigurationError(
                f"Gauss-Newton needs outputs in one tensor; got {type(outputs).__name__}: wrap "
                "the network so that it returns its logits"
            )
        return gauss_newton_product(value, outputs, self.parameters)

    def _rebuilt(self, rows: Tensor) -> Tensor:
        """Build every batch's graph anew, once for all rows."""
        images = torch.zeros_like(rows)
        examples, total = 0, 0.0
        for outputs, losses in self.passes():
            product = self._product(outputs, losses.sum())
            images += torch.stack([product(row) for row in rows])
            examples += losses.numel()
            total += float(losses.detach().sum())
        self._compare(examples, total)
        return images / self.examples

    def _compare(self, examples: int, total: float) -> None:
        if examples != self.examples:
            raise ConfigurationError(
                f"the data gave {self.examples} examples at first and {examples} now: give a list "
                "or a loader, which can be iterated again, not a generator"
            )
        slack = math.sqrt(torch.finfo(self.like.dtype).eps)
        now = total / examples
        if abs(now - self.mean_loss) > slack * max(1.0, abs(self.mean_loss)):
            raise ConfigurationError(
                f"the mean loss was {self.mean_loss:.6g} at first and is {now:.6g} now: the data "
                "or the network change from pass to pass (random augmentation, or shuffled "
                "batches in train mode); fix them for the measurement"
            )


@contextmanager
def curvature_of(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    kind: Kind = "hessian",
    parameters: list[str] | None = None,
    masks: KeptEntries | None = None,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
) -> Iterator[Curvature]:
    r"""Make the curvature of the mean loss an operator, and leave the network as it was found.

    .. math:: H = \frac{1}{n} \sum_{i=1}^n \nabla^2_\theta \ell_i \qquad \mathrm{or} \qquad
              G = \frac{1}{n} \sum_{i=1}^n J_i^\top \, \nabla^2_z \ell_i \, J_i

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, targets), or iterable of such
        One batch, or batches that can be iterated again.
    kind : {"hessian", "gauss_newton"}
        H, or G with z the outputs and J_i their Jacobian; G needs outputs in one tensor.
    parameters : list of str, optional
        Names of parameters or modules to differentiate by; all others are held fixed. Without
        it, all that require a gradient.
    masks : mapping of str to array of bool, or `Masks`, optional
        By parameter name, True where an entry is kept: the matrix of the kept entries alone (its
        rows and columns), p of them, all others held fixed. A parameter without a mask is kept.
    mode : {"eval", "train", "as_found"}
        Mode of the network. With "train", batch normalisation makes an example's loss depend on
        its batch, so that the matrix depends on how the data are split into batches; dropout
        draws one mask, the same in every product.
    generator : Generator, optional
        What dropout draws from; seeded with 0 where none is given.

    Yields
    ------
    Curvature
        Maps (p,) to (p,) and (k, p) to (k, p).

    Raises
    ------
    ConfigurationError
        If the loss gives no vector, the data no batch, the network no parameters or such of half
        precision; or, from a product, if the data change from pass to pass.

    Notes
    -----
    Exact up to rounding; at kinks of a rectifier second derivatives are taken as zero. Cost: one
    gradient to begin with; then a product costs 1.1 to 2.4 gradients on one batch (the graph is
    kept; the Hessian of LeNet-5 takes less than 1.6, see `QuickConvolutions`) and 2.3 to 4.3 on
    several (rebuilt for each call, once for all rows of that call). Attention is computed by
    torch's plain kernel, which alone has a second derivative.

    Source: Pearlmutter 1994; Schraudolph 2002.

    Examples
    --------
    >>> model = nn.Linear(2, 1, bias=False)
    >>> squares = lambda outputs, targets: (outputs[:, 0] - targets) ** 2
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> with curvature_of(model, squares, (x, torch.zeros(2))) as H:
    ...     H(torch.tensor([1.0, 1.0])).tolist()
    [1.0, 9.0]
    """
    if kind not in ("hessian", "gauss_newton"):
        raise ConfigurationError(f"kind must be 'hessian' or 'gauss_newton'; got {kind!r}")
    named = chosen_parameters(model, parameters)
    chosen = tuple(named.values())
    kept = None if masks is None else places_kept(named, masks)
    with (
        measuring(model, mode, generator=seeded(generator)),
        sdpa_kernel(SDPBackend.MATH),  # the fused kernels have no second derivative
        torch.enable_grad(),
    ):
        for p in model.parameters():
            p.requires_grad_(any(p is each for each in chosen))
        seed = int(torch.randint(2**62, ()))
        yield Curvature(model, loss, data, kind, chosen, seed, kept)


def _check_precision(parameters: tuple[nn.Parameter, ...]) -> None:
    if narrow := [p.dtype for p in parameters if p.dtype.itemsize < 4]:
        kind = str(narrow[0]).removeprefix("torch.")
        raise ConfigurationError(
            f"curvature needs parameters of float32 or float64, and got {kind}, in which products "
            "of second derivatives have no digits left: measure model.float()"
        )


def _sizes(parameters: tuple[nn.Parameter, ...], kept: Tensor | None) -> tuple[int, ...]:
    """How many entries of the vector belong to each parameter."""
    whole = [p.numel() for p in parameters]
    if kept is None:
        return tuple(whole)
    ends = torch.tensor(whole).cumsum(0).to(kept.device)
    counts = torch.searchsorted(kept, ends)
    return tuple(torch.diff(counts, prepend=counts.new_zeros(1)).tolist())


def seeded(generator: torch.Generator | None) -> torch.Generator:
    """Return the generator, or a fresh one of seed 0.

    Parameters
    ----------
    generator : Generator, optional
        The caller's.

    Returns
    -------
    Generator
        The caller's, or a new one on the CPU.

    Examples
    --------
    >>> seeded(None).initial_seed()
    0
    """
    return generator if generator is not None else torch.Generator().manual_seed(0)


def normal_rows(rows: int, like: Curvature, generator: torch.Generator) -> Tensor:
    """Draw rows of standard normal numbers.

    Parameters
    ----------
    rows : int
        How many.
    like : Curvature
        Gives length, type and device.
    generator : Generator
        Of any device.

    Returns
    -------
    Tensor, shape (rows, p)
        Drawn on the generator's device, on the network's.
    """
    drawn = torch.randn(
        rows, like.size, generator=generator, device=generator.device, dtype=like.like.dtype
    )
    return drawn.to(like.like.device)
