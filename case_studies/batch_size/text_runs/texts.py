"""The prepared texts, and which of them each seed trains on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from case_studies.batch_size.text_runs.design import Study
from case_studies.batch_size.text_runs.prepare import EMBEDDING, ENCODER, TEXTS, WORDS
from causalhyper.errors import ConfigurationError, DataError

FIXED, SPLIT, FLIPS = 7, 1, 2
"""What a generator of numpy is for."""


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """A data set, cut into word pieces.

    Attributes
    ----------
    ids : Tensor of int64, shape (texts, tokens)
        Word pieces by their place among those that occur in this set; 0 after the end.
    labels : Tensor of int64, shape (texts,)
    split : ndarray of uint8, shape (texts,)
        0 official training part, 1 validation, 2 test.
    classes : int
        At least 2.
    words : ndarray of int, shape (vocabulary,)
        Row of the prepared embeddings of each word piece of this set.
    """

    ids: Tensor
    labels: Tensor
    split: np.ndarray
    classes: int
    words: np.ndarray

    @property
    def vocabulary(self) -> int:
        """Number of word pieces."""
        return len(self.words)


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What the members of a stack are trained and scored on.

    Attributes
    ----------
    texts : Texts
    train : Tensor of int64, shape (members, n)
        Places of the training examples among the texts.
    labels : Tensor of int64, shape (members, n)
        Their labels as the member is trained on them.
    validation, test : Tensor of int64
        Places, the same for all.
    """

    texts: Texts
    train: Tensor
    labels: Tensor
    validation: Tensor
    test: Tensor

    def batch(self, order: Tensor) -> tuple[Tensor, Tensor]:
        """Word pieces and labels of training examples; `order` is of shape (members, batch)."""
        order = order.to(self.train.device)
        return self.texts.ids[self.train.gather(1, order)], self.labels.gather(1, order)

    def take(self, members: slice | list[int]) -> Parts:
        """Those of some members."""
        return Parts(
            self.texts, self.train[members], self.labels[members], self.validation, self.test
        )


def load_texts(folder: Path, name: str, device: str) -> Texts:
    """Read a prepared data set.

    Parameters
    ----------
    folder : Path
        What `prepare` wrote to.
    name : str
        Of the data set.
    device : str
        Where its tensors go.

    Returns
    -------
    Texts
        With the word pieces of this set alone.

    Raises
    ------
    DataError
        If the file is missing or lacks the set.
    """
    stored = _stored(folder / TEXTS)
    try:
        ids, labels, split, classes = (
            stored[f"{name}/{part}"] for part in ("ids", "labels", "split", "classes")
        )
    except KeyError as error:
        raise DataError(f"{str(folder / TEXTS)!r} holds no data set {name!r}") from error
    words = np.union1d([0], ids)
    return Texts(
        torch.from_numpy(np.searchsorted(words, ids)).to(device),
        torch.from_numpy(labels.astype(np.int64)).to(device),
        split,
        len(classes),
        words.astype(np.int64),
    )


def load_encoder(folder: Path, texts: Texts) -> dict[str, Tensor]:
    """Read MiniLM's parameters, its embeddings restricted to the word pieces of a data set.

    Parameters
    ----------
    folder : Path
        What `prepare` wrote to.
    texts : Texts
        The data set.

    Returns
    -------
    dict of str to Tensor
        As `transformers.BertModel` names them, without a pooler; on the CPU.

    Raises
    ------
    DataError
        If a file is missing.
    """
    weights = _stored(folder / ENCODER)
    weights[EMBEDDING] = _stored(folder / WORDS)[EMBEDDING][texts.words]
    return {name: torch.from_numpy(weight) for name, weight in weights.items()}


def draw_parts(texts: Texts, study: Study, seeds: list[int], flipped: list[bool]) -> Parts:
    """Draw what each member trains on; validation and test parts are the same for all.

    Parameters
    ----------
    texts : Texts
        The data set.
    study : Study
        Sizes.
    seeds : list of int
        Of the members. A seed decides its training examples, their numbering and the flipped
        labels, whatever the batch size, arm or learning rate.
    flipped : list of bool
        Whether labels of the member are replaced.

    Returns
    -------
    Parts
        On the device of the texts.

    Raises
    ------
    ConfigurationError
        If the official training part is too small.
    """
    places = [np.flatnonzero(texts.split == part) for part in range(3)]
    if len(places[0]) < study.n_train:
        raise ConfigurationError(
            f"the training part has {len(places[0])} texts; expected {study.n_train} at least"
        )
    train, labels = [], []
    clean = texts.labels.cpu().numpy()
    for seed, flip in zip(seeds, flipped, strict=True):
        rng = np.random.default_rng([SPLIT, seed])
        train.append(rng.permutation(places[0])[: study.n_train])
        own = clean[train[-1]]
        labels.append(flip_labels(own, texts.classes, study.label_noise, seed) if flip else own)
    validation, test = (
        np.sort(np.random.default_rng([FIXED, part]).permutation(places[part])[:most])
        for part, most in ((1, study.n_validation), (2, study.n_test))
    )
    found = (np.stack(train), np.stack(labels), validation, test)
    return Parts(texts, *(torch.from_numpy(a).to(texts.ids.device) for a in found))


def flip_labels(labels: np.ndarray, classes: int, share: float, seed: int) -> np.ndarray:
    """Replace a share of labels by another class each, every other class being as likely.

    Examples
    --------
    >>> flipped = flip_labels(np.zeros(10, dtype=int), classes=3, share=0.2, seed=4)
    >>> int((flipped != 0).sum())
    2
    """
    rng = np.random.default_rng([FLIPS, seed])
    chosen = rng.permutation(len(labels))[: round(share * len(labels))]
    out = labels.copy()
    out[chosen] = (labels[chosen] + rng.integers(1, classes, len(chosen))) % classes
    return out


def _stored(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except FileNotFoundError as error:
        raise DataError(
            f"{str(path)!r} is missing: make it by python -m "
            "case_studies.batch_size.text_runs.prepare"
        ) from error
