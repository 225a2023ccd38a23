"""How fast networks are, measured in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.calls import call
from collectors.model_state import measuring


def measure_speed(
    networks: Mapping[str, nn.Module],
    inputs: Any,
    *,
    rounds: int = 30,
    warm_up: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> pd.DataFrame:
    """Time a forward pass of several networks, in turns.

    In every round each network is called once, in an order that turns by one, so that what else
    the machine does meets all of them alike.

    Parameters
    ----------
    networks : mapping of str to Module
        By name; the others are compared with the first, such as the dense one. Measured in eval
        mode, without gradients, and left as they are.
    inputs : Tensor, or tuple, list or mapping of tensors
        What each is called with, on its device.
    rounds : int
        How often each is timed.
    warm_up : int
        Calls of each before that.
    clock : callable
        Gives seconds.

    Returns
    -------
    pandas.DataFrame
        A row a network: ``network``, ``parameters``, ``bytes`` (of parameters and buffers: the
        size of a dense file of its state, but for names), ``seconds`` (median of a forward),
        ``seconds_low``, ``seconds_high`` (quartiles), ``speedup`` (median over rounds of the
        first network's seconds over this one's), ``speedup_low``, ``speedup_high`` (quartiles).

    Raises
    ------
    ConfigurationError
        If there is no network, or no round.

    Examples
    --------
    >>> networks = {"dense": nn.Linear(64, 64), "smaller": nn.Linear(64, 8)}
    >>> speed = measure_speed(networks, torch.ones(4, 64), rounds=3)
    >>> speed["parameters"].tolist(), speed["speedup"].tolist()[0]
    ([4160, 520], 1.0)
    """
    if not networks or rounds < 1 or warm_up < 0:
        raise ConfigurationError(
            f"expected a network and a round at least; got {len(networks)} networks, {rounds} "
            f"rounds and a warm-up of {warm_up}"
        )
    names = list(networks)
    seconds = np.empty((rounds, len(names)))
    for turn in range(-warm_up, rounds):
        for place in range(len(names)):
            which = (place + turn) % len(names)
            taken = _timed(networks[names[which]], inputs, clock)
            if turn >= 0:
                seconds[turn, which] = taken
    speedups = seconds[:, :1] / seconds
    table: dict[str, Any] = {
        "network": names,
        "parameters": [sum(p.numel() for p in m.parameters()) for m in networks.values()],
        "bytes": [_state_bytes(m) for m in networks.values()],
    }
    for what, values in (("seconds", seconds), ("speedup", speedups)):
        low, median, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        table |= {what: median, f"{what}_low": low, f"{what}_high": high}
    return pd.DataFrame(table)


def _timed(model: nn.Module, inputs: Any, clock: Callable[[], float]) -> float:
    with measuring(model, "eval"), torch.no_grad():
        _wait()
        start = clock()
        call(model, inputs)
        _wait()
        return clock() - start


def _wait() -> None:
    """Wait until the accelerator is done, where there is one in use."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def _state_bytes(model: nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
