"""One line around a training loop: what is recorded of it, and where it goes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.frames import trajectory
from collectors.recording.accumulators import StepAccumulators
from collectors.recording.changes import Changes
from collectors.recording.checkpoints import check_checkpoint
from collectors.recording.layers import Choice, Layer, choose_layers
from collectors.recording.losses import Closure, Losses, Minibatches, NoLosses, Probe
from collectors.recording.ranks import Ranks
from collectors.recording.recorder import Recorder
from collectors.recording.sinks import Rows, Sink
from collectors.recording.update_rules import UpdateRule, unwrapped, update_rule_of

Place = str | Path | Sink | StepAccumulators


def record(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    to: Place | list[Place] | None = None,
    *,
    layers: Choice = None,
    losses: Literal["minibatch", "none"] = "minibatch",
    probe: Closure | None = None,
    probe_mode: Literal["eval", "train"] = "eval",
    every: int = 1,
    dtype: str = "float32",
    differences: bool = False,
    run_id: str = "run",
    settings: Mapping[str, Any] | None = None,
    resume: Mapping[str, Any] | None = None,
    process_group: Any = None,
) -> Recorder:
    """Record the steps of a training.

    Parameters
    ----------
    model : Module
        The network that is trained, on one device; ``DistributedDataParallel`` where it is.
    optimizer : Optimizer
        SGD (momentum, Nesterov), Adam or AdamW of torch, or a wrapper that holds one.
    to : path, Sink, StepAccumulators or list of them, optional
        Where the changes go: a new trajectory store in a folder, anything with `append`, sums on
        the device. Without it the recorder's steps frame is all there is.
    layers : callable, str or sequence of str, optional
        Which parameters: a condition on name and parameter, or names and patterns such as
        ``*.weight``. All that the optimiser trains unless given.
    losses : {"minibatch", "none"}
        Loss before and after each step of the minibatches that `Recorder.loss` sees, or none.
    probe : callable, optional
        Returns the loss of a fixed batch or of all data, a number or one number an example; it
        takes the place of the minibatch's, and is evaluated once a step.
    probe_mode : {"eval", "train"}
        Mode of the network while the probe is evaluated; the random numbers are always the same.
    every : int
        Record the steps whose number is a multiple of this.
    dtype : str
        Of the store: "float32", "float64", "float16" (scaled) or "bfloat16".
    differences : bool
        Record differences of the parameters where the optimiser is unknown.
    run_id : str
        Name of the run in the frames.
    settings : mapping, optional
        Plain values to be stored beside the recorder's own, such as seed and minibatch rule;
        under other names than these.
    resume : mapping, optional
        `Recorder.state_dict` of the checkpoint that training goes on from: steps that a store
        holds beyond it are dropped, sums go on.
    process_group : ProcessGroup, optional
        The processes that train together, where the model is not ``DistributedDataParallel``
        itself; their gradients must be averaged before the step.

    Returns
    -------
    Recorder
        A context manager; the recording ends with it.

    Raises
    ------
    ConfigurationError
        If the optimiser is unknown, nothing is left to record, a store exists already, store or
        options do not agree with the checkpoint, or an option is none of these.

    Notes
    -----
    The change is taken from the update itself, never from a difference of parameters: η times
    gradient for SGD, the momentum buffer, Adam's update recomputed from its moments; exact to a
    few roundings of its own size. Norms are Euclidean, over the recorded layers; the gradient's is
    that which the update used, after clipping and averaging. Learning rate: of the first group.

    Cost: a second forward pass, or one of the probe; beside it some milliseconds for the frame,
    the sums or the store (5 to 13% of a step of 64 examples with 657,080 parameters), whatever
    the batch. With several processes all reduce the losses, the first alone writes.

    Examples
    --------
    >>> model = nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> inputs, targets = torch.ones(4, 2), torch.zeros(4, 1)
    >>> with record(model, optimizer) as recorder:
    ...     for step in range(3):
    ...         optimizer.zero_grad()
    ...         loss = recorder.loss(lambda: nn.functional.mse_loss(model(inputs), targets))
    ...         loss.backward()
    ...         optimizer.step()
    >>> frame = recorder.to_frame()
    >>> bool((frame["loss_after"] < frame["loss"]).all())
    True
    """
    inner = unwrapped(optimizer)
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise ConfigurationError(f"every must be a whole number from 1; got {every!r}")
    rule = update_rule_of(inner, differences=differences)
    chosen = choose_layers(model, inner, layers)
    source = _losses(model, inner, losses, probe, probe_mode)
    ranks = Ranks(model, process_group)
    own = _joined(_settings(inner, rule, source, every, ranks, run_id), settings or {})
    check_checkpoint(resume, own)
    recorder = Recorder(inner, Changes(inner, chosen, rule), source, ranks, Rows(run_id), own)
    places = _places(to)
    sums = [place for place in places if isinstance(place, StepAccumulators)]
    sinks = [p for p in places if not isinstance(p, StepAccumulators | str | Path)]
    paths = [Path(place) for place in places if isinstance(place, str | Path)]
    rows = None if resume is None else len(resume["rows"])

    def opened(stack: ExitStack) -> list[Sink]:
        return [
            stack.enter_context(_store(path, chosen, recorder.settings, dtype, rows))
            for path in paths
        ]

    try:
        recorder.open(sums, sinks, opened)
        if resume is not None:
            recorder.load_state_dict(resume)
    except BaseException as error:
        recorder.__exit__(type(error), error, error.__traceback__)
        raise
    return recorder


def _settings(
    optimizer: torch.optim.Optimizer,
    rule: UpdateRule,
    losses: Losses,
    every: int,
    ranks: Ranks,
    run_id: str,
) -> dict[str, Any]:
    """Return what is recorded and how, as plain values."""
    found = {
        "optimizer": type(optimizer).__name__,
        "groups": [_plain(group) for group in optimizer.param_groups],
        "change": rule.change,
        "loss": losses.kind,
        "every": every,
        "processes": ranks.size,
        "run_id": run_id,
    }
    if rule.change == "difference":
        found["rounding"] = "half a unit in the last place of the parameter"
    return found


def _joined(own: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorder's settings and the user's, none under the name of another."""
    if taken := sorted(set(own) & set(given)):
        raise ConfigurationError(
            f"the settings {', '.join(map(repr, taken))} are filled in by the recorder, which "
            "goes by them: give yours other names (a run's name is the argument run_id=)"
        )
    return own | dict(given)


def _losses(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    kind: str,
    probe: Closure | None,
    mode: Literal["eval", "train"],
) -> Losses:
    """Return where the losses come from."""
    if kind not in ("minibatch", "none"):
        raise ConfigurationError(f"losses must be 'minibatch' or 'none'; got {kind!r}")
    if probe is not None:
        return Probe(model, probe, mode)
    if kind == "none":
        return NoLosses()
    return Minibatches(model, [p for group in optimizer.param_groups for p in group["params"]])


def _store(
    path: Path, layers: tuple[Layer, ...], settings: dict[str, Any], dtype: str, rows: int | None
) -> trajectory.TrajectoryWriter:
    """Open a store: a new one, or the one that a checkpoint belongs to, cut to its rows."""
    shapes = [trajectory.Layer(layer.name, tuple(layer.parameter.shape)) for layer in layers]
    if rows is None:
        run_id = settings["run_id"]
        return trajectory.TrajectoryWriter.create(
            path, layers=shapes, settings=settings, dtype=dtype, run_id=run_id
        )
    stored = trajectory.read_trajectory(path).manifest.layout.dtype
    if stored != dtype:
        raise ConfigurationError(
            f"the store {str(path)!r} holds {stored}; got dtype={dtype!r}: go on with the same"
        )
    writer = trajectory.TrajectoryWriter.resume(path, layers=shapes, keep=rows)
    if writer.steps < rows:
        writer.close()
        raise ConfigurationError(
            f"the store {str(path)!r} holds {writer.steps} steps, the checkpoint was made after "
            f"{rows}: it is another run's, or was cut since; begin anew in another folder"
        )
    return writer


def _places(to: Place | list[Place] | None) -> list[Place]:
    """Return the places as a list, each of a kind that is known."""
    places = to if isinstance(to, list) else [] if to is None else [to]
    for place in places:
        if not isinstance(place, str | Path | StepAccumulators | Sink):
            raise ConfigurationError(
                "expected a path, StepAccumulators or a sink with the method append; got "
                f"{type(place).__name__}"
            )
    if len({id(place) for place in places}) < len(places):
        raise ConfigurationError("the same place is named twice: each would get every step twice")
    return places


def _plain(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers and flags of a parameter group as JSON holds them."""
    found: dict[str, Any] = {}
    for key, value in group.items():
        if key == "params":
            found["parameters"] = sum(p.numel() for p in value)
        elif isinstance(value, torch.Tensor):
            found[key] = float(value)
        elif isinstance(value, tuple):
            found[key] = [float(each) for each in value]
        elif value is None or isinstance(value, bool | int | float | str):
            found[key] = value
    return found
