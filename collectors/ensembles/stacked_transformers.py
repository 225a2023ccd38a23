"""Forward passes of many transformer encoders at once, each with parameters of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import (
    cross_entropy,
    embedding,
    gelu,
    layer_norm,
    scaled_dot_product_attention,
)

from causalhyper.errors import ConfigurationError

PADDING = 0
"""The token that stands where a text has ended."""


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """What the shapes of the parameters do not tell of an encoder.

    Attributes
    ----------
    layers, heads : int
        Their numbers, at least 1.
    epsilon : float
        Of the layer normalisation.
    first_position : int
        Row of the position table that the first token gets: 0 in BERT; in RoBERTa the number of
        the padding token plus 1.

    Raises
    ------
    ConfigurationError
        If a number is out of range.
    """

    layers: int
    heads: int
    epsilon: float = 1e-12
    first_position: int = 0

    def __post_init__(self) -> None:
        if min(self.layers, self.heads) < 1 or self.first_position < 0 or self.epsilon <= 0:
            raise ConfigurationError(
                f"an encoder has at least one layer and head, and epsilon above 0; got {self}"
            )


def stacked_logits(parameters: Mapping[str, Tensor], shape: EncoderShape, ids: Tensor) -> Tensor:
    """Classify texts by encoders of the BERT family: mean over the tokens, then a linear layer.

    Parameters
    ----------
    parameters : mapping of str to Tensor
        As `transformers.BertModel` and `RobertaModel` name theirs, and ``classifier.weight`` and
        ``classifier.bias``; each of shape (members, ...).
    shape : EncoderShape
        Of the encoders.
    ids : Tensor of int, shape (members, batch, tokens)
        Of each member's texts; 0 after the end of a text.

    Returns
    -------
    Tensor, shape (members, batch, classes)
        Logits. Padding has no part in them.

    Notes
    -----
    A linear layer of all members is one batched product, and attention, which has no
    parameters, takes the members as more examples; so there are as few kernels as for one
    member. No dropout. The linear layer at the end is never in half precision.

    Sources: Devlin et al. 2019, "BERT", section 3; mean pooling as in Reimers and Gurevych 2019,
    "Sentence-BERT", section 3.
    """
    members, batch, tokens = ids.shape
    present = ids != PADDING
    hidden = _embedded(parameters, shape, ids)
    seen = present.view(members * batch, 1, 1, tokens)
    for layer in range(shape.layers):
        hidden = _layer(parameters, f"encoder.layer.{layer}", shape, hidden, seen)
    weights = present.float()
    weights = weights / weights.sum(2, keepdim=True).clamp(min=1)
    each = hidden.view(members, batch, tokens, -1)
    pooled = (each * weights[..., None]).sum(2)
    with torch.autocast(ids.device.type, enabled=False):
        return _linear(parameters, "classifier", pooled)


def stacked_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each example.

    Parameters
    ----------
    logits : Tensor, shape (members, batch, classes)
    labels : Tensor of int64, shape (members, batch)

    Returns
    -------
    Tensor of float32, shape (members, batch)

    Examples
    --------
    >>> stacked_losses(torch.zeros(1, 2, 2), torch.tensor([[0, 1]])).round(decimals=4).tolist()
    [[0.6930999755859375, 0.6930999755859375]]
    """
    flat = cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), reduction="none")
    return flat.view(labels.shape)


def _embedded(parameters: Mapping[str, Tensor], shape: EncoderShape, ids: Tensor) -> Tensor:
    """Sum of the embeddings of word, position and token type, normalised."""
    words = parameters["embeddings.word_embeddings.weight"]
    positions = parameters["embeddings.position_embeddings.weight"]
    members, vocabulary, width = words.shape
    tokens = ids.shape[2]
    first = torch.arange(members, device=ids.device).view(-1, 1, 1) * vocabulary
    found = embedding(ids + first, words.reshape(-1, width))
    places = positions[:, None, shape.first_position : shape.first_position + tokens]
    kind = parameters["embeddings.token_type_embeddings.weight"][:, None, :1]
    return _normed(
        parameters, "embeddings.LayerNorm", shape, (found + places + kind).flatten(1, 2)
    )


def _layer(
    parameters: Mapping[str, Tensor], name: str, shape: EncoderShape, hidden: Tensor, seen: Tensor
) -> Tensor:
    """One layer, attention and then the two dense maps; hidden is (members, places, width)."""
    queries, keys, values = (
        _linear(parameters, f"{name}.attention.self.{part}", hidden)
        .view(len(seen), seen.shape[-1], shape.heads, -1)
        .transpose(1, 2)
        for part in ("query", "key", "value")
    )
    mixed = scaled_dot_product_attention(queries, keys, values, attn_mask=seen)
    mixed = mixed.transpose(1, 2).reshape(*hidden.shape)
    mixed = _linear(parameters, f"{name}.attention.output.dense", mixed) + hidden
    mixed = _normed(parameters, f"{name}.attention.output.LayerNorm", shape, mixed)
    inner = gelu(_linear(parameters, f"{name}.intermediate.dense", mixed))
    inner = _linear(parameters, f"{name}.output.dense", inner) + mixed
    return _normed(parameters, f"{name}.output.LayerNorm", shape, inner)


def _linear(parameters: Mapping[str, Tensor], name: str, inputs: Tensor) -> Tensor:
    weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    return torch.baddbmm(bias[:, None], inputs, weight.transpose(1, 2))


def _normed(
    parameters: Mapping[str, Tensor], name: str, shape: EncoderShape, inputs: Tensor
) -> Tensor:
    weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    normed = layer_norm(inputs, inputs.shape[-1:], eps=shape.epsilon)
    return torch.addcmul(bias[:, None], normed, weight[:, None])
