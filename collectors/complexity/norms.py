"""Norms of a network's parameters."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor


def weight_norm(parameters: Iterable[Tensor]) -> float:
    r"""L2 norm of all parameters together.

    .. math:: \|\theta\|_2 = \sqrt{\textstyle\sum_k \theta_k^2}

    Parameters
    ----------
    parameters : iterable of Tensor
        Of any shapes.

    Returns
    -------
    float
        In units of a parameter; not finite where a parameter is not.

    Notes
    -----
    Summed in float64; exact, no gradient evaluated. It depends on the parametrisation: in a
    rectifier network one layer can be scaled up and the next one down without a change of the
    function (Neyshabur et al. 2015, "Norm-based capacity control in neural networks").

    Examples
    --------
    >>> import torch
    >>> weight_norm([torch.tensor([3.0]), torch.tensor([[0.0, 4.0]])])
    5.0
    """
    norm: float = float(sum(p.detach().double().square().sum() for p in parameters)) ** 0.5
    return norm
