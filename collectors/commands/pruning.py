"""The prune command: a task named on the command line in, a folder out."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from causalhyper.errors import ConfigurationError

if TYPE_CHECKING:
    from collectors.pruning import Pruned, PruningSettings, PruningTask

SCHEMA = "causalhyper.pruned/1"
"""Name and version of the JSON document; a change that breaks readers raises the number."""


app = typer.Typer()


@app.command("prune")
def _prune(
    task: Annotated[
        str,
        typer.Argument(help="MODULE:NAME of a PruningTask, or of a function that makes one."),
    ],
    sparsity: Annotated[
        str,
        typer.Option(
            help="Share pruned in the end, as 0.9; one an iteration, as 0.5,0.9; or auto."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints and result.")],
    criterion: Annotated[str, typer.Option(help="What ranks the parameters.")] = "causal",
    seed: Annotated[int, typer.Option(help="Of weights, minibatches and draws.")] = 0,
    protocol: Annotated[
        str, typer.Option(help="default, or published: the paper's, by its own rule.")
    ] = "default",
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE of PruningSettings, such as n_post=50."),
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE of the criterion, such as l1=1e-13.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
    quiet: Annotated[bool, typer.Option(help="Print nothing but errors.")] = False,
) -> None:
    """Prune a network: train, prune in several iterations, train what is left.

    The task names the network, its data and its loss; a file task.py in this folder with a
    function make() is task:make. A run that was stopped goes on with --resume.
    """
    _check_torch()
    from collectors.pruning import prune
    from collectors.pruning.requests import DENSE, chosen_criterion

    options = _values(option or (), "--option", None)
    found = prune(
        load_task(task),
        criterion=chosen_criterion(criterion, options) or DENSE,
        sparsity=_sparsity(sparsity),
        seed=seed,
        settings=_settings(protocol, setting or ()),
        out=out,
        resume=resume,
        quiet=quiet or not sys.stderr.isatty(),
    )
    if as_json:
        typer.echo(json.dumps(document(found, out), indent=2))
    elif not quiet:
        typer.echo(found.summary())


def _check_torch() -> None:
    """Say what to install where there is no PyTorch."""
    if importlib.util.find_spec("torch") is None:
        raise ConfigurationError(
            "pruning needs PyTorch, which is not installed: pip install 'causalhyper[pruning]'"
        )


def load_task(name: str) -> PruningTask:
    """Import a task; modules in the working folder are found too.

    Parameters
    ----------
    name : str
        As ``module:name``; the name may have dots.

    Returns
    -------
    PruningTask

    Raises
    ------
    ConfigurationError
        If it cannot be imported or made, or is something else.
    """
    from collectors.pruning import PruningTask

    module, colon, path = name.partition(":")
    if not module or not colon or not path:
        raise ConfigurationError(f"the task is named MODULE:NAME, such as task:make; got {name!r}")
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"cannot import the task {name!r}: {error}") from error
    finally:
        sys.path.remove(here)
    try:
        made = found() if callable(found) else found
    except Exception as error:
        raise ConfigurationError(
            f"{name!r} raised {type(error).__name__} instead of making a task: {error}"
        ) from error
    if not isinstance(made, PruningTask):
        raise ConfigurationError(
            f"{name!r} is {type(made).__name__}; expected a PruningTask, or a function without "
            "arguments that makes one"
        )
    return made


def document(pruned: Pruned, out: Path) -> dict[str, Any]:
    """Return the outcome as JSON has it.

    Parameters
    ----------
    pruned : Pruned
        The result.
    out : Path
        Where it is.

    Returns
    -------
    dict
        With the schema's name and version first; what was not measured is null.
    """
    final = json.loads(pruned.to_frame().to_json(orient="records"))[0]
    layers = json.loads(pruned.masks.counts().to_json(orient="records"))
    return {
        "schema": SCHEMA,
        **final,
        "examples": dict(pruned.examples),
        "layers": layers,
        "settings": pruned.settings.to_dict(),
        "folder": str(out),
    }


def _settings(protocol: str, given: list[str] | tuple[()]) -> PruningSettings:
    from collectors.pruning import PruningSettings, published_settings

    values = _values(given, "--set", [f.name for f in dataclasses.fields(PruningSettings)])
    if protocol == "published":
        return published_settings(**values)
    if protocol != "default":
        raise ConfigurationError(f"--protocol is default or published; got {protocol!r}")
    return PruningSettings(**values)


def _values(given: list[str] | tuple[()], option: str, known: list[str] | None) -> dict[str, Any]:
    """Read NAME=VALUE, a value as JSON has it, else as text."""
    values: dict[str, Any] = {}
    for text in given:
        name, sign, value = text.partition("=")
        names = f"; names are {', '.join(known)}" if known else ""
        if not sign or not name:
            raise ConfigurationError(f"{option} needs NAME=VALUE; got {text!r}{names}")
        if known is not None and name not in known:
            raise ConfigurationError(f"{option} knows no name {name!r}{names}")
        if name in values:
            raise ConfigurationError(f"{option} has {name!r} twice: give it once")
        try:
            values[name] = json.loads(value)
        except ValueError:
            values[name] = value
    return values


def _sparsity(text: str) -> float | list[float] | None:
    if text == "auto":
        return None
    try:
        numbers = [float(piece) for piece in text.split(",")]
    except ValueError as error:
        raise ConfigurationError(
            f"--sparsity is a share such as 0.9, one an iteration such as 0.5,0.9, or auto; got "
            f"{text!r}"
        ) from error
    return numbers[0] if len(numbers) == 1 else numbers
