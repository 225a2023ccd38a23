"""What is compared: criteria, how their steps are excited, and where weights are taken from."""

from __future__ import annotations

from dataclasses import dataclass

from case_studies.pruning.search.collecting import SHIFT, Excitation
from causalhyper.granger.criteria import (
    Criterion,
    Fisher,
    Lamp,
    Magnitude,
    Random,
    TotalMovement,
)
from causalhyper.granger.criteria.adaptive import Adaptive
from causalhyper.granger.criteria.attributed import FreshGain, SecantSaliency
from causalhyper.granger.criteria.series_criteria import SeriesSlope, SharedSlope, SketchedSlope

EXCITATIONS = {
    "plain": Excitation(),
    "rates": Excitation(spread=4.0),
    "noise": Excitation(noise=10.0),
}


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to prune.

    Attributes
    ----------
    criterion : Criterion
    excitation : str
        Of its collecting stage.
    trained : bool
        Whether the collecting stage begins with epochs of Adam, from which training rewinds.
    """

    criterion: Criterion
    excitation: str = "plain"
    trained: bool = False

    @property
    def needs_series(self) -> bool:
        """Whether steps are recorded."""
        needs = self.criterion.needs
        return needs.series or needs.sums or bool(needs.attribution)


def _with_null(criterion: type, **options: object) -> tuple[Criterion, Criterion]:
    return criterion(**options), criterion(**options, response=f"residual@{SHIFT}")


BASELINES = {
    "random": Arm(Random()),
    "magnitude": Arm(Magnitude()),
    "magnitude, rewound": Arm(Magnitude(), trained=True),
    "lamp": Arm(Lamp()),
    "lamp, rewound": Arm(Lamp(), trained=True),
    "movement": Arm(TotalMovement()),
    "fisher": Arm(Fisher()),
    "fisher, rewound": Arm(Fisher(), trained=True),
    "fisher, adaptive, rewound": Arm(Adaptive(Fisher()), trained=True),
}
OWN_SLOPE, OWN_NULL = _with_null(SeriesSlope)
SHRUNK, SHRUNK_NULL = _with_null(SeriesSlope, shrunk=True)
UNIT, UNIT_NULL = _with_null(SharedSlope)
CALIBRATED, CALIBRATED_NULL = _with_null(SharedSlope, calibrated=True)
SKETCHED, SKETCHED_NULL = _with_null(SketchedSlope)
CANDIDATES = {
    "same, slope x theta2": Arm(SeriesSlope(response="same", within_layer=False)),
    "residual, slope": Arm(SeriesSlope(ranked="slope")),
    "residual, slope x theta2": Arm(OWN_SLOPE),
    "residual, slope x theta2, shifted": Arm(OWN_NULL),
    "residual, shrunk": Arm(SHRUNK),
    "residual, shrunk, shifted": Arm(SHRUNK_NULL),
    "residual, rates": Arm(OWN_SLOPE, "rates"),
    "residual, shrunk, rates": Arm(SHRUNK, "rates"),
    "residual, noise": Arm(OWN_SLOPE, "noise"),
    "residual, shrunk, noise": Arm(SHRUNK, "noise"),
    "fresh, slope x theta2": Arm(SeriesSlope(response="fresh")),
    "fresh, shrunk": Arm(SeriesSlope(response="fresh", shrunk=True)),
    "granger F, two lags": Arm(
        SeriesSlope(response="same", ranked="f", past=2, within_layer=False)
    ),
    "granger F, within layers": Arm(SeriesSlope(response="residual", ranked="f", past=2)),
    "sketched": Arm(SKETCHED),
    "sketched, shifted": Arm(SKETCHED_NULL),
    "shared by layer": Arm(SharedSlope(by="layer")),
    "shared by layer, noise": Arm(SharedSlope(by="layer"), "noise"),
    "shared by unit": Arm(UNIT),
    "shared by unit, shifted": Arm(UNIT_NULL),
    "shared by unit, rates": Arm(UNIT, "rates"),
    "shared by unit, noise": Arm(UNIT, "noise"),
    "calibrated by layer": Arm(SharedSlope(by="layer", calibrated=True)),
    "calibrated by unit": Arm(CALIBRATED),
    "calibrated by unit, shifted": Arm(CALIBRATED_NULL),
    "calibrated by unit, rewound": Arm(CALIBRATED, trained=True),
    "secant": Arm(SecantSaliency()),
    "secant, noise": Arm(SecantSaliency(), "noise"),
    "secant, rewound": Arm(SecantSaliency(), trained=True),
    "secant, noise, rewound": Arm(SecantSaliency(), "noise", trained=True),
    "secant, adaptive, rewound": Arm(Adaptive(SecantSaliency()), trained=True),
    "secant, noise, adaptive, rewound": Arm(Adaptive(SecantSaliency()), "noise", trained=True),
    "gain": Arm(FreshGain(squared=False)),
    "gain x theta2": Arm(FreshGain()),
    "gain x theta2, rewound": Arm(FreshGain(), trained=True),
}
ARMS = BASELINES | CANDIDATES
