"""Where tasks are done: here, beside this process, or on a cluster."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from causalhyper.errors import ConfigurationError
from causalhyper.parallel.clusters import DaskPool, RayPool

Engine = Literal["processes", "loky", "joblib", "dask", "ray"]
ENGINES: tuple[Engine, ...] = ("processes", "loky", "joblib", "dask", "ray")


@dataclass(frozen=True, slots=True)
class Place:
    """Where tasks are done.

    Attributes
    ----------
    engine : str or None
        One of `ENGINES`; None for this process where there is one worker and no device, and for
        processes beside it otherwise.
    workers : int or None
        Tasks at once; None for one a device, one here, or all that a cluster has.
    devices : tuple of str
        One a worker.

    Raises
    ------
    ConfigurationError
        If the engine is unknown, is not installed or has no cluster, the workers are fewer than
        1 or others than the devices, or devices are given to a cluster.
    """

    engine: Engine | None = None
    workers: int | None = None
    devices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise ConfigurationError(f"workers must be at least 1; got {self.workers}")
        if self.engine is not None and self.engine not in ENGINES:
            raise ConfigurationError(
                f"no engine {self.engine!r}: expected one of {', '.join(ENGINES)}, or None"
            )
        if self.devices and self.engine not in (None, "processes"):
            raise ConfigurationError(
                f"devices cannot be given to {self.engine!r}: let the cluster show one device to "
                "each of its workers, or use the engine 'processes'"
            )
        if self.devices and self.workers not in (None, len(self.devices)):
            raise ConfigurationError(
                f"expected one worker a device; got {self.workers} workers and "
                f"{len(self.devices)} devices: leave the workers out"
            )
        if self.engine in ("dask", "ray"):
            _check_cluster(self.engine)
        if not self.is_here:
            _check_dispatcher()

    def check(self, run: Callable[..., object]) -> None:
        """Refuse, where devices are given, a function that can be seen not to take one.

        Parameters
        ----------
        run : callable
            What is to be called there.

        Raises
        ------
        ConfigurationError
            If its signature has no parameter ``device``.
        """
        if not self.devices:
            return
        try:
            signature = inspect.signature(run)
        except (TypeError, ValueError):  # of some compiled functions nothing is known
            return
        given = signature.parameters.values()
        if not any(p.name == "device" or p.kind is p.VAR_KEYWORD for p in given):
            raise ConfigurationError(
                f"run receives its device as a keyword, and its signature is {signature}: add "
                "the parameter 'device', or give no devices"
            )

    @property
    def is_here(self) -> bool:
        """Whether tasks are done in this process, one after the other."""
        return self.engine is None and not self.devices and self.workers in (None, 1)

    @property
    def width(self) -> int:
        """How many tasks are done at once; 1 where a context of joblib alone knows."""
        if self.devices or self.workers:
            return len(self.devices) or self.workers or 1
        if self.engine == "dask":
            return max(1, DaskPool().width)
        if self.engine == "ray":
            return max(1, RayPool().width)
        if self.engine != "loky":
            return 1
        from joblib import cpu_count

        return int(cpu_count())


def _check_cluster(engine: Engine) -> None:
    """Refuse a cluster that is not there."""
    needed = "distributed" if engine == "dask" else "ray"
    if importlib.util.find_spec(needed) is None:
        raise ConfigurationError(
            f"the engine {engine!r} needs {needed}, which is not installed: "
            "pip install causalhyper[clusters]"
        )
    if engine == "dask":
        from distributed import get_client

        try:
            get_client()
        except ValueError as error:
            raise ConfigurationError(
                "the engine 'dask' needs a client: make one with distributed.Client(address)"
            ) from error
        return
    import ray

    if not ray.is_initialized():
        raise ConfigurationError("the engine 'ray' needs a cluster: call ray.init(address) first")


def _check_dispatcher() -> None:
    """Refuse other processes where what dispatches to them is not installed."""
    for needed in ("joblib", "cloudpickle"):
        if importlib.util.find_spec(needed) is None:
            raise ConfigurationError(
                f"other processes need {needed}, which is not installed: pip install "
                "causalhyper[parallel], or work in this process"
            )
