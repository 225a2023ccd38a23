"""What is pruned: a network, its data and its loss."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from causalhyper.errors import ConfigurationError
from collectors.batches import Data, check_repeatable
from collectors.calls import Loss
from collectors.pruning.masked_training import Factory

Correct = Callable[[Any, Any], Tensor]
"""Takes outputs and targets of n examples; returns which were right, shape (n,)."""
cross_entropy: Loss = partial(nn.functional.cross_entropy, reduction="none")
"""The loss of a classifier, one number an example."""


@dataclass(frozen=True, slots=True, eq=False)
class PruningTask:
    """A network that is to be pruned, with its data.

    Attributes
    ----------
    model : callable or Module
        Makes the network, after the seed was set; or the network itself, of which a copy is
        pruned.
    train : tuple (inputs, targets), or iterable of such
        Minibatches that can be iterated again, such as a ``DataLoader``; one pass is an epoch.
    validation : tuple or iterable, optional
        Chooses the best epoch of post-training. Without it the last epoch is taken.
    test : tuple or iterable, optional
        Is reported, and decides nothing.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the n examples, shape (n,). Cross entropy
        unless given.
    layers : str or sequence of str, optional
        Names of the parameters that may be pruned, or patterns such as ``fc*.weight``. Unless
        given, the weights of convolutions and linear layers.
    device : str or torch.device, optional
        Where to train; where the network is made unless given.
    optimizer : callable, optional
        Makes the optimiser of pre- and post-training from the list of parameters that train.
        Unless given, Adam at the learning rate of the settings.
    correct : callable, optional
        ``correct(outputs, targets)`` says which of n examples were right, shape (n,). Unless
        given, those whose largest output is at the target, where outputs have shape (n, classes)
        and targets are classes of shape (n,); other tasks have no accuracy.

    Raises
    ------
    ConfigurationError
        If data can be iterated only once or not at all, the model is neither of the two, or
        another attribute is not what it should be.

    Notes
    -----
    In several processes (``torch.distributed``) each gives its own share of every data set, such
    as by ``DataLoader(..., sampler=DistributedSampler(...))``. A loader with
    ``persistent_workers=True`` keeps the random numbers of its workers from epoch to epoch: if
    its data set draws any, such a run does not resume to the same bytes.

    Examples
    --------
    >>> x, y = torch.randn(64, 4), torch.randint(3, (64,))
    >>> task = PruningTask(lambda: nn.Linear(4, 3), train=(x, y), validation=(x, y))
    >>> list(prunable_parameters(task.new_model(), task.layers))
    ['weight']
    """

    model: Callable[[], nn.Module] | nn.Module
    train: Data
    validation: Data | None = None
    test: Data | None = None
    loss: Loss = cross_entropy
    layers: str | Sequence[str] | None = None
    device: str | torch.device | None = None
    optimizer: Factory | None = None
    correct: Correct | None = None

    def __post_init__(self) -> None:
        if not callable(self.model):
            raise ConfigurationError(
                "model must be a network, or a function without arguments that makes one; got "
                f"{type(self.model).__name__}"
            )
        _check_parts(self)
        for name in ("train", "validation", "test"):
            data = getattr(self, name)
            if data is None and name != "train":
                continue
            if not isinstance(data, Iterable):
                raise ConfigurationError(
                    f"{name} must be one batch as a tuple (inputs, targets), a list of such, or a "
                    f"DataLoader; got {type(data).__name__}: DataLoader(dataset, batch_size=...) "
                    "makes batches of a data set"
                )
            check_repeatable(data, name)

    def new_model(self) -> nn.Module:
        """Make the network, or copy the one given, and take it to the device."""
        if isinstance(self.model, nn.Module):
            model = copy.deepcopy(self.model)
        else:
            try:
                model = self.model()
            except TypeError as error:
                if not isinstance(self.model, type):
                    raise
                name = self.model.__name__
                raise ConfigurationError(
                    f"{name} cannot be made without arguments ({error}): give a function that "
                    f"makes the network, such as lambda: {name}(...)"
                ) from error
        if not isinstance(model, nn.Module):
            raise ConfigurationError(
                f"the function that makes the network returned {type(model).__name__}; expected "
                "a Module"
            )
        if isinstance(model, nn.DataParallel):
            raise ConfigurationError(
                "the network is in a DataParallel, whose replicas cannot be pruned: give the "
                "network inside (.module), or train in several processes (torchrun)"
            )
        return model if self.device is None else model.to(self.device)


def _check_parts(task: PruningTask) -> None:
    """Refuse a loss, optimiser, rule, list of layers or device that is none."""
    optional = {"loss": False, "optimizer": True, "correct": True}
    for name, none in optional.items():
        given = getattr(task, name)
        if (given is None and none) or callable(given):
            continue
        made = isinstance(given, torch.optim.Optimizer)
        raise ConfigurationError(
            f"{name} must be a function; got {type(given).__name__}: "
            + (
                f"it makes a new one of the parameters for every stage, such as "
                f"lambda parameters: {type(given).__name__}(parameters, lr=...)"
                if made
                else {
                    "loss": "loss(outputs, targets) gives the losses of the n examples",
                    "optimizer": "optimizer(parameters) makes one of torch.optim",
                    "correct": "correct(outputs, targets) says which examples were right",
                }[name]
            )
        )
    layers = task.layers
    listed = isinstance(layers, Sequence) and all(isinstance(each, str) for each in layers)
    if layers is not None and not listed:
        raise ConfigurationError(
            f"layers must be a name or pattern of parameters, or a list of such; got {layers!r}"
        )
    if task.device is not None:
        try:
            torch.device(task.device)
        except (RuntimeError, TypeError) as error:
            raise ConfigurationError(
                f"device must be one of torch, such as 'cpu' or 'cuda:0'; got {task.device!r}"
            ) from error


def prunable_parameters(
    model: nn.Module, layers: str | Sequence[str] | None = None
) -> dict[str, nn.Parameter]:
    """List the parameters that may be pruned, in the network's order.

    Parameters
    ----------
    model : Module
        The network; a parameter that modules share is listed once.
    layers : str or sequence of str, optional
        Names or patterns; the weights of convolutions and linear layers unless given.

    Returns
    -------
    dict of str to Parameter
        By name.

    Raises
    ------
    ConfigurationError
        If there is none, a pattern meets none, or one does not train or is masked by
        ``torch.nn.utils.prune``.

    Examples
    --------
    >>> model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    >>> list(prunable_parameters(model)), list(prunable_parameters(model, "3.*"))
    (['0.weight', '3.weight'], ['3.weight', '3.bias'])
    """
    named = dict(model.named_parameters())
    _refuse_masked(model)
    if layers is None:
        kinds = (_ConvNd, nn.Linear)
        weights = {id(m.weight) for m in model.modules() if isinstance(m, kinds)}
        found = {name: p for name, p in named.items() if id(p) in weights and p.requires_grad}
    else:
        patterns = [layers] if isinstance(layers, str) else list(layers)
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in named):
                raise ConfigurationError(
                    f"no parameter is called {pattern!r}; the network has {', '.join(named)}"
                )
        found = {k: p for k, p in named.items() if any(fnmatchcase(k, pat) for pat in patterns)}
    if frozen := [name for name, p in found.items() if not p.requires_grad]:
        raise ConfigurationError(
            f"{frozen[0]!r} is frozen, and what does not train shows no influence: unfreeze it, "
            "or leave it out (layers=)"
        )
    if not found:
        raise ConfigurationError(
            "nothing can be pruned: the network has no convolution or linear layer that trains; "
            "name its parameters (layers=)"
        )
    return found


def _refuse_masked(model: nn.Module) -> None:
    masked = [name for name, _ in model.named_buffers() if name.endswith("_mask")]
    named = dict(model.named_parameters())
    for name in masked:
        if name.removesuffix("_mask") + "_orig" in named:
            raise ConfigurationError(
                f"{name.removesuffix('_mask')!r} is masked by torch.nn.utils.prune: make it "
                "permanent (torch.nn.utils.prune.remove); its zeros are kept"
            )
