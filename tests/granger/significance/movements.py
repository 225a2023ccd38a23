"""Total movements of layers and errors of a loss, by many laws, to test layers on.

Each takes a generator, steps and layers, and returns movements (T, layers) and errors (T,). The
loss change is minus the sum of the movements, times effects, plus the errors. `FIRST` were looked
at when the tests were made; `FRESH` only afterwards.
"""

import numpy as np
from scipy.signal import lfilter

LAYERS = 3


def remembering(rng, rows, count, rho):
    """Autoregressions of variance one."""
    noise = rng.normal(size=(rows + 300, count))
    return lfilter([np.sqrt(1 - rho**2)], [1, -rho], noise, axis=0)[-rows:]


def fractional(rng, rows, count, d):
    """Fractionally integrated noise of variance one: long memory."""
    k = np.arange(1, rows + 2000)
    weights = np.concatenate([[1.0], np.cumprod((k - 1 + d) / k)])
    noise = rng.normal(size=(len(weights), count))
    both = (np.fft.rfft(x, 2 * len(weights), axis=0) for x in (noise, weights[:, None]))
    found = np.fft.irfft(np.multiply(*both), axis=0)[len(weights) - rows : len(weights)]
    return found / np.sqrt((weights**2).sum())


def fall(rows, speed=2.5):
    return np.exp(-speed * np.arange(rows) / rows)[:, None]


def falling(rng, rows, layers=LAYERS):
    moves = fall(rows) * np.exp(0.3 * remembering(rng, rows, layers, 0.84))
    return moves, 0.3 * (fall(rows) * remembering(rng, rows, 1, 0.84))[:, 0]


def level(rng, rows, layers=LAYERS):
    moves = np.exp(0.3 * remembering(rng, rows, layers, 0.84))
    return moves, 0.3 * remembering(rng, rows, 1, 0.84)[:, 0]


def independent(rng, rows, layers=LAYERS):
    moves = fall(rows) * np.exp(0.3 * rng.normal(size=(rows, layers)))
    return moves, 0.3 * fall(rows)[:, 0] * rng.normal(size=rows)


def common(rng, rows, layers=LAYERS):
    """Layers share most of their movement, and it falls by a power law."""
    power = (1 / (1 + np.arange(rows) / 30))[:, None]
    own, shared = (remembering(rng, rows, n, r) for n, r in ((layers, 0.84), (1, 0.9)))
    moves = power * np.exp(0.3 * (np.sqrt(0.3) * own + np.sqrt(0.7) * shared))
    return moves, 0.3 * (power * remembering(rng, rows, 1, 0.84))[:, 0]


def long_memory(rng, rows, layers=LAYERS):
    moves = fall(rows, 2) * np.exp(0.3 * fractional(rng, rows, layers, 0.35))
    return moves, 0.3 * (fall(rows, 2) * fractional(rng, rows, 1, 0.35))[:, 0]


def regimes(rng, rows, layers=LAYERS):
    """The learning rate falls to a tenth at the half, and again at three quarters."""
    drops = (np.arange(rows) >= rows // 2).astype(int) + (np.arange(rows) >= 3 * rows // 4)
    moves = (0.1**drops)[:, None] * np.exp(0.3 * remembering(rng, rows, layers, 0.84))
    return moves, 0.3 * 0.3**drops * remembering(rng, rows, 1, 0.84)[:, 0]


def heavy(rng, rows, layers=LAYERS):
    """Errors of Student's t with 4 degrees and a volatility that remembers."""
    noise = rng.standard_t(4, size=(rows + 300, 1)) * np.exp(
        0.5 * remembering(rng, rows + 300, 1, 0.9)
    )
    errors = lfilter([0.8 / np.sqrt(2)], [1, -0.6], noise, axis=0)[-rows:]
    moves = fall(rows) * np.exp(0.3 * remembering(rng, rows, layers, 0.84))
    return moves, 0.3 * (fall(rows) * errors)[:, 0]


def feedback(rng, rows, layers=LAYERS):
    """An error moves every layer at the next step."""
    errors = remembering(rng, rows, 1, 0.84)[:, 0]
    own = np.sqrt(0.75) * remembering(rng, rows, layers, 0.84)
    moves = np.exp(0.3 * (own + 0.5 * np.roll(errors, 1)[:, None]))
    return fall(rows) * moves, 0.3 * fall(rows)[:, 0] * errors


def cycles(rng, rows, layers=LAYERS):
    """Errors and movements swing with a period of 20 steps."""
    slopes = [1, -1.8 * np.cos(2 * np.pi / 20), 0.81]

    def swings(count):
        found = lfilter([1], slopes, rng.normal(size=(rows + 300, count)), axis=0)[-rows:]
        return found / found.std(axis=0)

    return fall(rows) * np.exp(0.3 * swings(layers)), 0.3 * (fall(rows) * swings(1))[:, 0]


def averages(rng, rows, layers=LAYERS):
    """Moving averages of 12 steps, which no short autoregression is."""

    def smooth(count):
        noise = rng.normal(size=(rows + 20, count))
        return lfilter(np.ones(12) / np.sqrt(12), [1], noise, axis=0)[-rows:]

    return fall(rows, 1.5) * np.exp(0.3 * smooth(layers)), 0.3 * (fall(rows, 1.5) * smooth(1))[
        :, 0
    ]


def near_unit(rng, rows, layers=LAYERS):
    moves = fall(rows) * np.exp(0.3 * remembering(rng, rows, layers, 0.95))
    return moves, 0.3 * (fall(rows) * remembering(rng, rows, 1, 0.95))[:, 0]


FIRST = {"falling": falling, "level": level, "independent": independent}
FRESH = {
    "common": common,
    "long memory": long_memory,
    "regimes": regimes,
    "heavy": heavy,
    "feedback": feedback,
    "cycles": cycles,
    "averages": averages,
    "near unit": near_unit,
}


def training(law, rng, rows, effect=0.0, layers=LAYERS):
    """Movements and loss change; the first layer has an effect, the others -1 each."""
    moves, errors = {**FIRST, **FRESH}[law](rng, rows, layers)
    effects = -np.ones(layers)
    effects[0] = -effect
    return moves, moves @ effects + errors
