"""The poster's claims, each held to a rule that was fixed before the numbers were seen."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from case_studies.batch_size.effects.arms import (
    BEYOND_TRACE,
    NOISE_FEW,
    NOISE_MANY,
    NOISE_MATCHED,
    UPDATES_LESS_NOISE,
    UPDATES_NOISY,
    UPDATES_QUIET,
)
from case_studies.batch_size.effects.graph_tests import PAPERS
from case_studies.batch_size.effects.totals import BESIDE
from case_studies.batch_size.report.judgement import (
    ALPHA,
    DOMAINS,
    HOLDS,
    OPEN,
    WIDEST,
    Claim,
    judge,
    pick,
    pooled_points,
)
from case_studies.batch_size.runs import LARGE, SHORT, SMALL


def list_claims(tables: Mapping[str, pd.DataFrame]) -> list[Claim]:
    """Every claim that the tables of this study decide.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Those of `case_studies.batch_size.effects.tables.make_tables`.

    Returns
    -------
    list of Claim
    """
    return [
        *batch_size_claims(tables["cells"], tables["pooled"]),
        *gain_claims(tables["main"]),
        *noise_claims(tables["noise_pooled"]),
        *sam_claims(tables["sam_pooled"]),
        *label_claims(tables["label_noise_pooled"]),
        *sharpness_claims(tables["measures_pooled"]),
        *graph_claims(tables["rejections"]),
    ]


def batch_size_claims(cells: pd.DataFrame, pooled: pd.DataFrame) -> list[Claim]:
    """Smaller batches improve generalisation: by the pooled interval of 16 less 512."""
    found = []
    for design, words in SHORT.items():
        rows = pick(pooled, design=design, contrast=WIDEST).set_index("over")
        if "all cells" not in rows.index:
            continue
        row, part = rows.loc["all cells"], pick(cells, design=design, contrast=WIDEST)
        clear = part["adjusted_p_value"] <= ALPHA
        above, below = (int((clear & (s * part["estimate"] > 0)).sum()) for s in (1, -1))
        domains = [f"{k} {pooled_points(rows.loc[k])}" for k in DOMAINS if k in rows.index]
        said = [
            f"{SMALL} less {LARGE}: {pooled_points(row)} points over {row['cells']} cells",
            _between(", with data sets as clusters", row["cluster_lower"], row["cluster_upper"]),
            _between(", in a new cell", row["new_lower"], row["new_upper"]),
            f"; {', '.join(domains)}" * bool(domains),
            f". Better with {SMALL} in {above}, worse in {below} of {len(part)} cells "
            "(Holm-adjusted).",
        ]
        verdict = judge(row["lower"], row["upper"])
        found.append(
            Claim("Smaller batches causally improve generalisation", words, verdict, "".join(said))
        )
    return found


def _between(words: str, lower: float, upper: float) -> str:
    """An interval in points after some words; nothing without one."""
    if lower != lower:
        return ""
    ends = " to ".join(f"{100 * v:+.2f}" for v in (lower, upper))
    return f"{words} {ends}".replace("-", "\N{MINUS SIGN}")


def gain_claims(main: pd.DataFrame) -> list[Claim]:
    """The gain is 3.1 to 3.4 points: whether each data set's interval holds the poster's gain."""
    found = []
    for design, words in SHORT.items():
        part = pick(main, design=design)
        part = part[part["dataset"].isin(list(BESIDE))]
        if part.empty:
            continue
        inside = (part["lower"] <= part["poster_gain"]) & (part["poster_gain"] <= part["upper"])
        below = part["upper"] < part["poster_gain"]
        names = ", ".join(part.loc[inside, "unit"]) or "none"
        found.append(
            Claim(
                "The gain is 3.1 to 3.4 points",
                words,
                "holds" if inside.all() else "does not hold" if not inside.any() else "in part",
                f"The 95% interval holds the poster's gain in {int(inside.sum())} of {len(part)} "
                f"data sets ({names}); it lies below in {int(below.sum())} and above in "
                f"{int((~inside & ~below).sum())}.",
            )
        )
    return found


def noise_claims(pooled: pd.DataFrame) -> list[Claim]:
    """Gradient noise is what does it: do(N) at fixed updates beside do(U) at fixed noise."""
    rows = pick(pooled, over="all cells").set_index("contrast")
    found = []
    for name in (NOISE_FEW, NOISE_MANY, NOISE_MATCHED):
        if name in rows.index:
            found.append(_noise_claim(rows.loc[name], name.partition(", ")[2]))
    if UPDATES_LESS_NOISE in rows.index:
        found.append(_dominance(rows.loc[UPDATES_LESS_NOISE], rows))
    if BEYOND_TRACE in rows.index:
        row = rows.loc[BEYOND_TRACE]
        found.append(
            Claim(
                "The trace of the noise is all that matters of it (not on the poster)",
                SHORT[row["design"]],
                "not rejected" if judge(row["lower"], row["upper"]) == OPEN else "does not hold",
                f"{BEYOND_TRACE}: {pooled_points(row)} points over {row['cells']} cells.",
            )
        )
    return found


def _noise_claim(row: pd.Series, where: str) -> Claim:
    return Claim(
        f"Gradient noise alone raises accuracy ({where})",
        SHORT[row["design"]],
        judge(row["lower"], row["upper"]),
        f"{row.name}: {pooled_points(row)} points over {row['cells']} cells.",
    )


def _dominance(row: pd.Series, rows: pd.DataFrame) -> Claim:
    """Noise against updates, each averaged over both levels of the other."""
    alone = [name for name in (UPDATES_NOISY, UPDATES_QUIET) if name in rows.index]
    said = "; ".join(f"{name}: {pooled_points(rows.loc[name])}" for name in alone)
    return Claim(
        "Gradient noise matters more than the number of updates",
        SHORT["equal_epochs"],
        judge(row["lower"], row["upper"], -1),
        f"Effect of the updates less effect of the noise, each averaged over both levels of the "
        f"other: {pooled_points(row)} points over {row['cells']} cells. {said}.",
    )


def sam_claims(sam: pd.DataFrame) -> list[Claim]:
    """SAM: what it adds at 512, and whether it closes the gap to 16."""
    found = []
    for design in ("equal_epochs", "equal_updates"):
        part = pick(sam, design=design, over="all cells").set_index("contrast")
        names = f"SAM - plain at {LARGE}", f"SAM at {LARGE} - plain at {SMALL}"
        if not set(names) <= set(part.index):
            continue
        adds, left = (part.loc[name] for name in names)
        found.append(
            Claim(
                f"Flatness by SAM makes up for the large batch at {LARGE}",
                SHORT[design],
                {HOLDS: "holds, and more", OPEN: "not told apart from closing the gap"}.get(
                    judge(left["lower"], left["upper"]), "does not hold"
                ),
                f"SAM adds {pooled_points(adds)} at {LARGE}; with it, {LARGE} less plain {SMALL} "
                f"is {pooled_points(left)} points.",
            )
        )
    return found


def label_claims(pooled: pd.DataFrame) -> list[Claim]:
    """Small batches help more where labels are noisy."""
    found = []
    for design in ("equal_epochs", "equal_updates"):
        part = pick(pooled, design=design, over="all cells").set_index("contrast")
        names = f"{WIDEST} under label noise", f"{WIDEST}: label noise less none"
        if not set(names) <= set(part.index):
            continue
        effect, more = (part.loc[name] for name in names)
        found.append(
            Claim(
                "Smaller batches help more where labels are wrong (not on the poster)",
                SHORT[design],
                judge(more["lower"], more["upper"]),
                f"{SMALL} less {LARGE} with 20% wrong labels {pooled_points(effect)}, that less "
                f"the same with right labels {pooled_points(more)} points.",
            )
        )
    return found


def sharpness_claims(pooled: pd.DataFrame) -> list[Claim]:
    """Large batches end in sharper minima: log10 of S at 16 over S at 512 is below zero."""
    found = []
    for design, words in SHORT.items():
        part = pick(pooled, design=design).set_index("contrast")
        kinds = [k for k in ("sharpness S", "scale-adjusted sharpness") if k in part.index]
        for kind in kinds:
            row = part.loc[kind]
            low, mid, high = (10 ** -row[k] for k in ("upper", "estimate", "lower"))
            found.append(
                Claim(
                    f"Large batches end in sharper minima ({kind})",
                    words,
                    judge(row["lower"], row["upper"], -1),
                    f"At {LARGE} it is {mid:.2g} times that at {SMALL} [{low:.2g}, {high:.2g}].",
                )
            )
    return found


def graph_claims(rejections: pd.DataFrame) -> list[Claim]:
    """The hypergraph B -> N -> S -> C -> G carries the effect: by the overidentification test."""
    found = []
    part = pick(rejections, hypergraph=PAPERS)
    for _, row in part.iterrows():
        some, tested = int(row["rejected"]), int(row["tested"])
        found.append(
            Claim(
                "The effect of B runs through N, S and C as the hypergraph says",
                SHORT[row["design"]],
                "not rejected" if not some else f"rejected in {some} of {tested} cells",
                f"Median gap to the design's contrast {100 * row['median_gap']:.2f} points, "
                f"median effect {100 * row['median_effect']:.2f} (false discovery rate 5%).",
            )
        )
    return found
