"""The whole analysis: frames in, tables, verdicts and sentences out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from case_studies.pruning.averages import average_table
from case_studies.pruning.claims import list_claims
from case_studies.pruning.contrasts import accuracy_table, contrast_table
from case_studies.pruning.flatness.association import association_table
from case_studies.pruning.flatness.ratios import flatness_table
from case_studies.pruning.flatness.surfaces import surface_table
from case_studies.pruning.further import cost_table, phase_shifts, shift_table
from case_studies.pruning.judging import PruningClaim, claims_frame
from case_studies.pruning.layers import layer_table
from case_studies.pruning.logs import StudyFrames
from case_studies.pruning.overlaps import overlap_table
from case_studies.pruning.own_rule import emptied_sentence, rule_sentence, rule_table
from case_studies.pruning.sentences import cap_sentence, published_note, short_sentences
from case_studies.pruning.strips import Strips, strip_table, strips_of
from case_studies.pruning.tuned_rates import rate_table
from causalhyper.granger.pruning import PhaseShift


@dataclass(frozen=True, slots=True, eq=False)
class PruningStudy:
    """What the analysis found.

    Attributes
    ----------
    frames : StudyFrames
    tables : mapping of str to DataFrame
        claims, accuracy, contrasts; averages, own_rule, rates, phase_shift, flatness,
        flat_and_accurate, surfaces, hyperparameters, layers, overlaps and costs unless empty.
    claims : tuple of PruningClaim
    shifts : mapping of str to PhaseShift or str
        By cell; a sentence where none could be fitted.
    strips : mapping of str to HyperparameterStrips or str
        By cell, method and sparsity; a sentence where none could be compared.
    sentences : tuple of str
        The findings in short.
    """

    frames: StudyFrames
    tables: Mapping[str, pd.DataFrame]
    claims: tuple[PruningClaim, ...]
    shifts: Mapping[str, PhaseShift | str]
    strips: Strips
    sentences: tuple[str, ...]


def analyse(frames: StudyFrames) -> PruningStudy:
    """Ask everything that the frames can answer.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    PruningStudy
    """
    contrasts, shifts = contrast_table(frames), phase_shifts(frames)
    flat, associations = flatness_table(frames), association_table(frames)
    strips = strips_of(frames)
    claims = list_claims(frames, contrasts, shifts, flat, associations, strips)
    tables = {
        "claims": claims_frame(claims),
        "accuracy": accuracy_table(frames),
        "contrasts": contrasts,
        "averages": (averages := average_table(frames)),
        "own_rule": (own_rule := rule_table(frames)),
        "rates": rate_table(frames),
        "phase_shift": shift_table(shifts),
        "flatness": flat,
        "flat_and_accurate": associations,
        "surfaces": surface_table(frames),
        "hyperparameters": strip_table(strips),
        "layers": layer_table(frames),
        "overlaps": overlap_table(frames.others.get("overlap", pd.DataFrame())),
        "costs": cost_table(frames),
    }
    said = [*short_sentences(frames, claims, contrasts, averages), published_note(frames)]
    further = (rule_sentence(own_rule), emptied_sentence(frames), cap_sentence(frames))
    said += [sentence for sentence in further if sentence]
    there = {n: table for n, table in tables.items() if len(table) or n == "contrasts"}
    return PruningStudy(frames, there, tuple(claims), shifts, strips, tuple(said))
