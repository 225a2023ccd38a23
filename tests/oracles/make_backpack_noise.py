"""Numbers of another program: squared norms and variances of per-example gradients of BackPACK.

    python -m tests.oracles.make_backpack_noise

Needs BackPACK (1.7.1 made the stored numbers; install it with ``--no-deps``, with einops and
unfoldNd), no dependency of the project. Writes ``backpack_noise.json`` beside this file. No
convolution has groups: there BackPACK 1.7.1 differs from a loop over examples.
"""

import json
from importlib.metadata import version
from pathlib import Path

import torch
from backpack import backpack, extend
from backpack.extensions import BatchL2Grad, Variance
from torch import nn

from tests.oracles.gradient_noise_networks import SHAPES, build

FOLDER = Path(__file__).parent


def measure(name):
    """Per parameter: sum over examples of squared norms, and of variances (divisor n)."""
    model, x, y = build(name)
    model, loss = extend(model), extend(nn.CrossEntropyLoss())
    with backpack(BatchL2Grad(), Variance()):
        torch.autograd.backward(loss(model(x), y))
    # BackPACK's gradients are those of the mean loss: each carries 1 / n
    n = len(x)
    return {
        k: {
            "squares": float(n**2 * p.batch_l2.sum()),
            "variance": float(n**2 * p.variance.sum()),
        }
        for k, p in model.named_parameters()
    }


def main():
    stored = {"backpack": version("backpack-for-pytorch"), "torch": torch.__version__}
    stored["networks"] = {name: measure(name) for name in SHAPES}
    text = json.dumps(stored, indent=1) + "\n"
    (FOLDER / "backpack_noise.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
