"""Many prunings of one seed of a large network, one after another on one device."""

from collectors.deep_pruning.chains import Chain, first_links, next_link, prunings_of
from collectors.deep_pruning.posttraining import Progress, Trained, posttrain
from collectors.deep_pruning.pretraining import pretrain_state
from collectors.deep_pruning.subjects import Subject, make_subject

__all__ = [
    "Chain",
    "Progress",
    "Subject",
    "Trained",
    "first_links",
    "make_subject",
    "next_link",
    "posttrain",
    "pretrain_state",
    "prunings_of",
]
