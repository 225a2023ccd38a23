"""Tables of a report: rows of cells, made from results alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from causalhyper.errors import ConfigurationError
from causalhyper.queries import Ablation, Analysis, EffectCurve, Mediation
from causalhyper.queries.effects.query import farthest
from causalhyper.queries.mediation.couplings import alternative
from causalhyper.results import Estimate, decimals

ZERO = 1e-8
"""Effects smaller than this share of their last decimal are zero by construction."""

MEDIATED = {
    "total": "total",
    "direct": "direct",
    "indirect": "indirect",
    "remainder": "remainder",
    "natural_direct": "natural direct",
    "natural_indirect": "natural indirect",
    "natural_direct_total": "natural direct, total",
    "natural_indirect_pure": "natural indirect, pure",
    "mediated_interaction": "mediated interaction",
    "controlled_direct": "controlled direct",
    "reference_interaction": "reference interaction",
    "natural_coupling": "natural direct, other coupling",
}
"""Effects of a mediation in reading order, with their labels."""
CROSSED = frozenset(MEDIATED) - {"total", "direct", "indirect", "remainder", "controlled_direct"}
"""Those that compare worlds which no experiment shows together."""
FORCED = frozenset(("direct", "natural_direct", "natural_direct_total", "mediated_interaction"))
"""Those that vanish where every path goes through the mediator."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what is read, and the exact numbers behind it (none for text).

    A cell of two numbers is an interval; its text is theirs with " to " between.
    """

    text: str
    numbers: tuple[float, ...] = ()

    @property
    def parts(self) -> tuple[tuple[str, float], ...]:
        """Each number with its text."""
        return tuple(zip(self.text.split(" to "), self.numbers, strict=True))


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table with a caption; the first cell of each row is its heading.

    Attributes
    ----------
    caption : str
    columns : tuple of str
    rows : tuple of tuple of Cell
    notes : tuple of str
        Sentences that stand under it.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ConfigurationError(
                    f"a row of the table {self.caption!r} has {len(row)} cells; expected "
                    f"{len(self.columns)}, one a column: {', '.join(self.columns)}"
                )

    @property
    def positions(self) -> range:
        """Numbers of the columns."""
        return range(len(self.columns))

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Of each column, whether it holds numbers, which stand on the right."""
        return tuple(any(row[i].numbers for row in self.rows) for i in self.positions)


def text_cells(*words: str) -> tuple[Cell, ...]:
    """Cells of words."""
    return tuple(Cell(word) for word in words)


def _numbers(digits: int, *values: float) -> Cell:
    return Cell(" to ".join(_signed(value, digits) for value in values), values)


def _signed(value: float, digits: int) -> str:
    """Decimals with a true minus sign; a zero by construction is "0"."""
    if abs(value) < ZERO * 10.0**-digits:
        return "0"
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _effect(e: Estimate, digits: int) -> tuple[Cell, Cell]:
    """Estimate and interval."""
    return _numbers(digits, e.estimate), _numbers(digits, e.lower, e.upper)


def _span(e: Estimate) -> str:
    return f"{e.level:.0%} interval"


def digits_of(analysis: Analysis) -> int:
    """Decimals for every effect of one analysis."""
    return _digits(analysis.curve)


def _digits(curve: EffectCurve) -> int:
    """Decimals by the errors of the estimator that assumes least."""
    return decimals(e.se for e in next(iter(curve.by_estimator.values())))


def glance_table(curves: Sequence[EffectCurve]) -> ReportTable:
    """The widest contrast of each study by what assumes least, and what the gap test says."""
    rows = []
    for curve in curves:
        name, own = next(iter(curve.by_estimator.items()))
        e = farthest(own)
        p = curve.test.p_value
        rows.append(
            (
                Cell(curve.protocol),
                Cell(f"{curve.column} {e.value:g} against {e.baseline:g}: {curve.outcome}"),
                Cell(name),
                *_effect(e, _digits(curve)),
                Cell("does not apply" if p is None else f"p = {p:.2g}"),
            )
        )
    span = _span(farthest(next(iter(curves[0].by_estimator.values()))))
    heads = ("protocol", "contrast", "by", "effect", span, "gap test of the hypergraph")
    return ReportTable("The widest contrast under each protocol", heads, tuple(rows))


def curve_table(curve: EffectCurve, digits: int) -> ReportTable:
    """Effect curve: the estimators side by side, and the hypergraph's gap from the design."""
    parts = curve.by_estimator | ({"gap": curve.gap} if curve.gap else {})
    rows = []
    for found in zip(*parts.values(), strict=True):
        effects = (cell for e in found for cell in _effect(e, digits))
        rows.append((Cell(f"{found[0].value:g}", (found[0].value,)), *effects))
    span = _span(next(iter(parts.values()))[0])
    heads = [head for part in parts for head in (part, span)]
    return ReportTable(
        f"Effect on {curve.outcome} of {curve.column} against {curve.baseline:g} "
        "(pointwise intervals)",
        (curve.column, *heads),
        tuple(rows),
    )


def mediation_table(
    mediation: Sequence[Mediation], digits: int, value: float | None = None
) -> ReportTable:
    """Effects through each mediator, at the farthest value or at a given one."""
    rows = []
    chosen = value if value is not None else farthest(mediation[0].total).value
    for m in mediation:
        for name, label in MEDIATED.items():
            e = next((e for e in getattr(m, name) if e.value == chosen), None)
            if e is None:
                continue
            rows.append(
                (
                    Cell(", ".join(m.mediators)),
                    Cell(label),
                    *_effect(e, digits),
                    Cell(_mediation_remark(m, name)),
                )
            )
    e = mediation[0].total[0]
    return ReportTable(
        f"Mediation: {chosen:g} against {e.baseline:g}",
        ("through", "effect", "estimate", _span(e), "remark"),
        tuple(rows),
    )


def _mediation_remark(m: Mediation, name: str) -> str:
    remarks = []
    forced = bool(m.note) and name in FORCED
    if forced:
        remarks.append("zero by construction")
    if name == "natural_coupling":
        remarks.append(f"{alternative(m.coupling)} noise less {m.coupling} noise")
    elif name in CROSSED:
        remarks.append(f"cross-world: {m.coupling} noise")
        if m.witnesses:
            remarks.append(
                f"not identified without the model (recanting witness {', '.join(m.witnesses)})"
            )
    if name != "total" and not forced and m.extrapolated > 0.05:
        remarks.append(f"{m.extrapolated:.0%} of simulated runs beyond the observed")
    return "; ".join(remarks)


def ablation_table(
    ablations: Sequence[Ablation], digits: int, value: float | None = None
) -> ReportTable:
    """Change of the effect and of the level under each ablation."""
    chosen = value if value is not None else farthest(ablations[0].change).value
    rows = []
    for a in ablations:
        before, after, change, level = (
            next(e for e in part if e.value == chosen)
            for part in (a.before, a.after, a.change, a.level)
        )
        remarks = ["the effect vanishes by construction"] if a.tautological else []
        if a.extrapolated > 0.05:
            remarks.append(f"{a.extrapolated:.0%} of simulated runs beyond the observed")
        cells = (_numbers(digits, e.estimate) for e in (before, after))
        rows.append(
            (
                Cell(a.operation),
                *cells,
                *_effect(change, digits),
                *_effect(level, digits),
                Cell("; ".join(remarks)),
            )
        )
    e = ablations[0].change[0]
    return ReportTable(
        f"Ablations: {chosen:g} against {e.baseline:g}",
        (
            "operation",
            "effect",
            "effect after",
            "change",
            _span(e),
            "change of level",
            _span(e),
            "remark",
        ),
        tuple(rows),
    )
