"""Calibration: whether predicted probabilities are the frequencies that come true."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError

Bins = Literal["width", "mass"]


def calibration_error(
    confidence: Tensor, correct: Tensor, *, bins: int = 15, equal: Bins = "width"
) -> float:
    r"""Expected calibration error of the predicted class.

    .. math:: \mathrm{ECE} = \sum_{m=1}^M \frac{n_m}{n}\,
              \bigl|\mathrm{acc}(m) - \mathrm{conf}(m)\bigr|

    Parameters
    ----------
    confidence : Tensor, shape (n,)
        Probability of the predicted class, in [0, 1].
    correct : Tensor of bool, shape (n,)
        Whether the prediction was right.
    bins : int
        Number M of bins.
    equal : {"width", "mass"}
        Bins of equal width, closed above (Guo et al.), or of equal numbers of examples in order
        of confidence (Nixon et al.); ties keep their order.

    Returns
    -------
    float
        In [0, 1]; NaN where a confidence is.

    Raises
    ------
    ConfigurationError
        If the shapes differ, there is no example, bins < 1, or a confidence is out of range.

    Notes
    -----
    Bias: upward. A bin's accuracy scatters about its mean, and the absolute value does not let
    that cancel: a calibrated network has a mean ECE of about
    ``sum_m sqrt(2 n_m p_m (1 - p_m) / pi) / n``, which grows with M and falls as ``1 / sqrt(n)``.
    Compare runs at one n and one M only; the Brier score and the likelihood have no such bias.

    Sources: Guo et al. 2017, "On calibration of modern neural networks"; Nixon et al. 2019,
    "Measuring calibration in deep learning"; for the bias, Roelofs et al. 2022, "Mitigating bias
    in calibration error estimation".

    Examples
    --------
    >>> confidence, correct = torch.tensor([0.9, 0.9, 0.6]), torch.tensor([True, False, True])
    >>> round(calibration_error(confidence, correct, bins=2), 4)
    0.1333
    """
    _check(confidence, correct, bins, equal)
    p = confidence.double()
    if bool(p.isnan().any()):
        return float("nan")
    if equal == "width":
        edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64, device=p.device)
        place = torch.bucketize(p, edges[1:-1])
    else:
        rank = torch.empty(len(p), dtype=torch.int64, device=p.device)
        rank[p.argsort(stable=True)] = torch.arange(len(p), device=p.device)
        place = rank * min(bins, len(p)) // len(p)
    excess = torch.bincount(place, weights=correct.double() - p, minlength=bins)
    return float(excess.abs().sum() / len(p))


def brier_score(probabilities: Tensor, labels: Tensor) -> float:
    r"""Mean squared distance of the predicted probabilities from what came true.

    .. math:: \frac{1}{n} \sum_i \sum_c \bigl(p_{ic} - [y_i = c]\bigr)^2

    Parameters
    ----------
    probabilities : Tensor, shape (n, classes)
        Rows that sum to one.
    labels : Tensor of int64, shape (n,)
        The true classes.

    Returns
    -------
    float
        In [0, 2]; NaN where a probability is.

    Raises
    ------
    ConfigurationError
        If the shapes do not fit, or there is no example.

    Notes
    -----
    Unbiased for the population's; a proper score. Summed over classes as Brier 1950 has it,
    "Verification of forecasts expressed in terms of probability"; half of it for two classes is
    the score of one class's probability.

    Examples
    --------
    >>> round(brier_score(torch.tensor([[0.8, 0.2]]), torch.tensor([0])), 4)
    0.08
    """
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels):
        raise ConfigurationError(
            "expected probabilities of shape (n, classes) and labels of shape (n,), n >= 1; got "
            f"{tuple(probabilities.shape)} and {tuple(labels.shape)}"
        )
    p = probabilities.double()
    own = p.gather(1, labels[:, None])[:, 0]
    return float((p.square().sum(1) - 2 * own + 1).mean())


def _check(confidence: Tensor, correct: Tensor, bins: int, equal: str) -> None:
    fits = confidence.ndim == 1 and confidence.shape == correct.shape and len(correct) > 0
    if not fits or bins < 1 or equal not in ("width", "mass"):
        raise ConfigurationError(
            "expected confidences and outcomes of one shape (n,), n >= 1, bins of at least 1 and "
            f"equal 'width' or 'mass'; got {tuple(confidence.shape)}, {tuple(correct.shape)}, "
            f"{bins} and {equal!r}"
        )
    if bool((confidence < 0).any()) or bool((confidence > 1 + 1e-6).any()):
        raise ConfigurationError(
            f"confidences must lie from 0 to 1; got {float(confidence.min()):g} to "
            f"{float(confidence.max()):g}: take the softmax of logits first"
        )
