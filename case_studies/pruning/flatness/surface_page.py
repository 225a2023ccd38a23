"""The page's sections of loss surfaces and hyper-parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from case_studies.pruning.flatness.forms import level_name, surface_form
from case_studies.pruning.flatness.surfaces import with_places
from case_studies.pruning.logs import split
from case_studies.pruning.methods import DENSE
from case_studies.pruning.short_paths import shorten_paths
from case_studies.pruning.strips import emptied_settings
from case_studies.pruning.study import PruningStudy
from causalhyper.figures import plot_loss_surfaces
from causalhyper.granger.pruning import HyperparameterStrips
from causalhyper.report import Bullets, Heading, PageSection, Picture, Prose
from causalhyper.report.blocks import Block
from causalhyper.report.pruning import strips_section
from causalhyper.report.pruning.pictures import draw_picture

PICTURES = 2
"""Planes and sets of runs that are drawn; all are in the tables."""
PANELS = 3
"""Surfaces in a row."""
EVERY, FINE = 2, 16
"""Every so many points of a plane with more points a side are drawn; tables use all."""


def surface_sections(study: PruningStudy) -> Iterator[PageSection]:
    """Loss surfaces, where they were measured.

    Parameters
    ----------
    study : PruningStudy

    Yields
    ------
    PageSection
    """
    if "surfaces" in study.frames.others:
        yield PageSection("Loss surfaces", tuple(_surfaces(study)))


def _surfaces(study: PruningStudy) -> Iterator[Block]:
    table = study.tables["surfaces"]
    for i, (name, rows) in enumerate(drawn_surfaces(study).items()):
        if i < PICTURES:
            yield surface_picture(rows, name, f"surface{i}-")
    caption = "Training loss around each network: medians of its rise by distance, in filters"
    yield surface_form(table, caption)
    yield Bullets(
        (
            "Two random directions, each filter of the norm of the network's own (Li et al. "
            "2018), the same for all networks of a seed but for these norms; kept space: pruned "
            "weights stay zero, full space: they move.",
            "Random directions show about the mean curvature, not the few large eigenvalues; a "
            "network that has collapsed looks flat. No test is made of pictures: the measures "
            "relative to filters, in the section on flatness, are the same question with "
            "intervals.",
        )
    )


def drawn_surfaces(study: PruningStudy) -> dict[str, pd.DataFrame]:
    """The surfaces of the first seed, by cell, share pruned and space; the dense one in each.

    Parameters
    ----------
    study : PruningStudy

    Returns
    -------
    dict of str to DataFrame
        Kept spaces first, in each the sparsest level first.
    """
    found: list[tuple[tuple[bool, float], str, pd.DataFrame]] = []
    for cell, own in split(with_places(study.frames.others["surfaces"])).items():
        own = own[own["seed"] == own["seed"].min()]
        dense = own[own["method"] == DENSE]
        for (pruned, space), rows in own[own["method"] != DENSE].groupby(
            ["pruned", "space"], dropna=False
        ):
            share = float(str(pruned))
            name = f"{cell}, {level_name(share)}, {space} space, seed {own['seed'].iloc[0]}"
            rows = pd.concat([dense, rows], ignore_index=True)
            found.append(((space != "kept", -share if share > 0 else 0.0), name, rows))
    return {name: rows for _, name, rows in sorted(found, key=lambda f: f[0])}


def surface_picture(rows: pd.DataFrame, name: str, prefix: str) -> Picture:
    """Contours of log(1 + loss), a panel a method, on one scale.

    Parameters
    ----------
    rows : DataFrame
        A full grid a method.
    name : str
        Of cell, share and space.
    prefix : str
        Of the picture's ids.

    Returns
    -------
    Picture
    """
    middle = rows[(rows["alpha"] == 0) & (rows["beta"] == 0)]
    rows = _thinned(rows)
    words = "; ".join(
        f"{r['method']}: training loss {r['loss']:.3g} at the network"
        for r in middle.to_dict("records")
    )
    title = f"log(1 + training loss) around each network, on one scale: {name}"
    drawn = draw_picture(lambda: plot_loss_surfaces(rows, columns=PANELS)[0], title, words, prefix)
    return replace(drawn, svg=shorten_paths(drawn.svg))


def _thinned(rows: pd.DataFrame) -> pd.DataFrame:
    """Every second point of a fine plane, where the network stays one of them."""
    for axis in ("alpha", "beta"):
        values = sorted(set(rows[axis]))
        if len(values) > FINE and (len(values) // 2) % EVERY == 0:
            rows = rows[rows[axis].isin(values[::EVERY])]
    return rows


def strip_sections(study: PruningStudy) -> Iterator[PageSection]:
    """Hyper-parameters, where runs with several values of them are there.

    Parameters
    ----------
    study : PruningStudy

    Yields
    ------
    PageSection
    """
    if not study.strips:
        return
    blocks: list[Block] = [Prose(sentence) for sentence in emptied_settings(study.frames)]
    for i, (name, found) in enumerate(study.strips.items()):
        blocks.append(Heading(name))
        if isinstance(found, HyperparameterStrips):
            own = strips_section(found, prefix=f"strips{i}-").blocks
            blocks += [b for b in own if i < PICTURES or not isinstance(b, Picture)]
        else:
            blocks.append(Prose(found))
    yield PageSection("Hyper-parameters", tuple(blocks))
