"""Stacked encoders against the modules of transformers, one by one."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from causalhyper.errors import ConfigurationError
from collectors.ensembles.stacked_transformers import EncoderShape, stacked_logits, stacked_losses

transformers = pytest.importorskip("transformers")

WIDTH, CLASSES, TOKENS, VOCABULARY = 16, 3, 7, 23


class Reference(nn.Module):
    """An encoder of transformers, mean pooling and a linear head."""

    def __init__(self, family: str) -> None:
        super().__init__()
        sizes = {
            "vocab_size": VOCABULARY,
            "hidden_size": WIDTH,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 32,
            "max_position_embeddings": TOKENS + 1,
            "pad_token_id": 0,
        }
        config = getattr(transformers, f"{family}Config")(**sizes)
        self.encoder_model = getattr(transformers, f"{family}Model")(
            config, add_pooling_layer=False
        )
        self.classifier = nn.Linear(WIDTH, CLASSES)
        for parameter in self.parameters():  # away from zero biases and unit scales
            nn.init.normal_(parameter, std=0.3)

    def forward(self, ids: Tensor) -> Tensor:
        present = (ids != 0).long()
        hidden = self.encoder_model(ids, attention_mask=present).last_hidden_state
        weights = present[..., None] / present.sum(1)[:, None, None]
        return self.classifier((hidden * weights).sum(1))


SHAPES = {
    "Bert": EncoderShape(layers=2, heads=4),
    "Roberta": EncoderShape(layers=2, heads=4, first_position=1),
}


def three(family: str) -> tuple[list[Reference], dict[str, Tensor], Tensor, Tensor]:
    torch.manual_seed(0)
    models = [Reference(family).eval() for _ in range(3)]
    named = [
        {k.removeprefix("encoder_model."): p for k, p in m.named_parameters()} for m in models
    ]
    stacked = {k: torch.stack([own[k].detach() for own in named]) for k in named[0]}
    ids = torch.randint(1, VOCABULARY, (3, 5, TOKENS))
    lengths = torch.randint(2, TOKENS + 1, (3, 5, 1))
    ids[torch.arange(TOKENS) >= lengths] = 0
    return models, stacked, ids, torch.randint(CLASSES, (3, 5))


@pytest.mark.parametrize("family", SHAPES)
def test_each_members_logits_are_those_of_the_module_of_transformers(family: str):
    models, stacked, ids, _ = three(family)
    expected = torch.stack([model(own) for model, own in zip(models, ids, strict=True)])
    found = stacked_logits(stacked, SHAPES[family], ids)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", SHAPES)
def test_each_members_gradient_is_that_of_the_module_of_transformers(family: str):
    models, stacked, ids, labels = three(family)
    leaves = {k: p.requires_grad_() for k, p in stacked.items()}
    stacked_losses(stacked_logits(leaves, SHAPES[family], ids), labels).mean(1).sum().backward()
    for place, model in enumerate(models):
        nn.functional.cross_entropy(model(ids[place]), labels[place]).backward()
        for name, parameter in model.named_parameters():
            own = leaves[name.removeprefix("encoder_model.")].grad[place]
            torch.testing.assert_close(own, parameter.grad, rtol=1e-4, atol=1e-6)


def test_a_hessian_vector_product_is_that_of_the_module_of_transformers():
    models, stacked, ids, labels = three("Bert")
    leaves = {k: p.requires_grad_() for k, p in stacked.items()}
    name = "encoder.layer.0.attention.self.query.weight"

    def twice(loss: Tensor, leaf: Tensor) -> Tensor:
        (slope,) = torch.autograd.grad(loss, leaf, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), leaf)[0]

    with sdpa_kernel(SDPBackend.MATH):
        losses = stacked_losses(stacked_logits(leaves, SHAPES["Bert"], ids), labels).mean(1)
        found = twice(losses.sum(), leaves[name])
        loss = nn.functional.cross_entropy(models[1](ids[1]), labels[1])
        expected = twice(loss, models[1].get_parameter(f"encoder_model.{name}"))
    torch.testing.assert_close(found[1], expected, rtol=1e-3, atol=1e-6)


def test_padding_has_no_part_in_the_logits():
    _, stacked, ids, _ = three("Bert")
    ids[:, :, 4:] = 0
    whole = stacked_logits(stacked, SHAPES["Bert"], ids)
    cut = stacked_logits(stacked, SHAPES["Bert"], ids[:, :, :4])
    torch.testing.assert_close(whole, cut, rtol=1e-5, atol=1e-6)


def test_a_shape_without_heads_is_refused():
    with pytest.raises(ConfigurationError, match="at least one layer and head"):
        EncoderShape(layers=2, heads=0)
