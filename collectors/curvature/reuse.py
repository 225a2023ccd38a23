"""When a space kept from one measurement may serve another."""

from __future__ import annotations

from causalhyper.errors import ConfigurationError
from collectors.curvature.eigenvalues import Eigenvalues
from collectors.curvature.operator import Curvature


def check_reuse(reuse: Eigenvalues, operator: Curvature, mode: str, seed: int) -> None:
    """Refuse a space that was kept from another measurement, or whose numbers would be reused.

    Parameters
    ----------
    reuse : Eigenvalues
        What is to be reused.
    operator : Curvature
        What is measured now.
    mode : str
        Mode of the network now.
    seed : int
        Of the probes.

    Raises
    ------
    ConfigurationError
        If the space was not kept, the matrix is another one, or the seed is the same.
    """
    if reuse.krylov is None:
        raise ConfigurationError("the eigenvalues kept no space: measure them with keep=True")
    then = (reuse.kind, reuse.parameters, reuse.examples, reuse.mode)
    now = (operator.kind, operator.size, operator.examples, mode)
    if then != now:
        raise ConfigurationError(
            f"the space is of another matrix: kind, parameters, examples and mode were {then} "
            f"and are {now}"
        )
    if reuse.seed == seed:
        raise ConfigurationError(
            f"seed {seed} drew the space already, and the probes must not depend on it: give a "
            "generator with another seed"
        )
