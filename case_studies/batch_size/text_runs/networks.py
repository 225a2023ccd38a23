"""The members of a stack: what their parameters are at the start, and their losses."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from case_studies.batch_size.text_runs.design import Recipe
from case_studies.batch_size.text_runs.texts import Texts
from collectors.ensembles import initial_model
from collectors.ensembles.stacked_optimizers import Stacked
from collectors.ensembles.stacked_transformers import (
    EncoderShape,
    stacked_logits,
    stacked_losses,
)

HEAD_SPREAD = 0.02
"""Standard deviation of the initial weights of the linear head, as of the encoders' own."""


@dataclass(frozen=True, slots=True)
class Network:
    """How logits are computed.

    Attributes
    ----------
    shape : EncoderShape
        Of the encoder.
    half : bool
        Whether products are in bfloat16; parameters, sums and losses stay in float32.
    """

    shape: EncoderShape
    half: bool = False

    def logits(self, parameters: Mapping[str, Tensor], ids: Tensor) -> Tensor:
        """Logits of the members' texts, shape (members, batch, classes)."""
        with torch.autocast(ids.device.type, torch.bfloat16, enabled=self.half):
            return stacked_logits(parameters, self.shape, ids)

    def loss(self, parameters: Mapping[str, Tensor], ids: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of each member, shape (members,)."""
        return stacked_losses(self.logits(parameters, ids), labels).mean(1)


def initial_parameters(
    recipe: Recipe, texts: Texts, encoder: Mapping[str, Tensor] | None, seeds: Sequence[int]
) -> Stacked:
    """Make the parameters of all members as their seeds give them.

    Parameters
    ----------
    recipe : Recipe
        The model.
    texts : Texts
        The data set: its word pieces and classes.
    encoder : mapping of str to Tensor, or None
        Where all members begin, but for the head; drawn by the seed if None.
    seeds : sequence of int
        One a member. A member's weights depend on its seed alone.

    Returns
    -------
    dict of str to Tensor
        Each of shape (members, ...), on the device of the texts; nothing else holds them.
    """
    device, count = texts.ids.device, len(seeds)
    shared = {k: p.to(device).expand(count, *p.shape).clone() for k, p in (encoder or {}).items()}
    drawn = [_drawn(recipe, texts, seed, scratch=encoder is None) for seed in seeds]
    return shared | {k: torch.stack([own[k].to(device) for own in drawn]) for k in drawn[0]}


@functools.lru_cache(maxsize=32)
def _drawn(recipe: Recipe, texts: Texts, seed: int, *, scratch: bool) -> Stacked:
    """What a seed draws, on the CPU; kept, since every batch size begins with it."""
    model = initial_model(lambda: _Classifier(recipe, texts, scratch=scratch), seed)
    named = model.named_parameters()
    return {k.removeprefix("encoder_model."): p.detach() for k, p in named}


class _Classifier(nn.Module):
    """The linear head, and where nothing is pretrained a RoBERTa encoder below it."""

    def __init__(self, recipe: Recipe, texts: Texts, *, scratch: bool) -> None:
        super().__init__()
        self.classifier = nn.Linear(recipe.width, texts.classes)
        nn.init.normal_(self.classifier.weight, std=HEAD_SPREAD)
        nn.init.zeros_(self.classifier.bias)
        if scratch:
            self.encoder_model = roberta(recipe, texts)


def roberta(recipe: Recipe, texts: Texts) -> nn.Module:
    """Make a RoBERTa of `transformers` with weights drawn at random, padding being token 0."""
    from transformers import RobertaConfig, RobertaModel

    config = RobertaConfig(
        vocab_size=texts.vocabulary,
        hidden_size=recipe.width,
        num_hidden_layers=recipe.shape.layers,
        num_attention_heads=recipe.shape.heads,
        intermediate_size=recipe.inner,
        max_position_embeddings=texts.ids.shape[1] + recipe.shape.first_position,
        type_vocab_size=1,
        layer_norm_eps=recipe.shape.epsilon,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=None,
    )
    return RobertaModel(config, add_pooling_layer=False)


def weighted_gradients(
    network: Network,
    batch: Callable[[Tensor], tuple[Tensor, Tensor]],
    order: Tensor,
    weights: Tensor | None,
    together: int,
) -> Callable[[Stacked], tuple[Stacked, Tensor]]:
    """Make the gradients of weighted minibatch losses, computed in parts of the minibatch.

    Parameters
    ----------
    network : Network
    batch : callable
        From numbers of examples, shape (members, batch), to their word pieces and labels.
    order : Tensor of int64, shape (members, batch)
        The minibatch of each member.
    weights : Tensor, shape (members, batch), or None
        Of the examples in the loss; 1/batch if None.
    together : int
        The most examples in one pass over all members.

    Returns
    -------
    callable
        From parameters, each of shape (members, ...), to their gradients and the losses, shape
        (members,).
    """
    members, size = order.shape
    step = max(1, together // members)

    def gradients(parameters: Stacked) -> tuple[Stacked, Tensor]:
        leaves = {k: p.detach().requires_grad_() for k, p in parameters.items()}
        tensors = tuple(leaves.values())
        device = tensors[0].device
        total: list[Tensor] = []
        losses = torch.zeros(members, device=device)
        for begin in range(0, size, step):
            ids, labels = batch(order[:, begin : begin + step])
            with torch.enable_grad():
                each = stacked_losses(network.logits(leaves, ids), labels)
                if weights is None:
                    values = each.sum(1) / size
                else:
                    values = (each * weights[:, begin : begin + step].to(device)).sum(1)
                found = torch.autograd.grad(values.sum(), tensors)
            losses += values.detach()
            if total:
                torch._foreach_add_(total, list(found))
            else:
                total = list(found)
        return dict(zip(leaves, total, strict=True)), losses

    return gradients
