"""Loss surfaces against the closed form of quadratics, and against parameters set by hand."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from collectors.curvature import eigenvalues
from collectors.curvature.surface import loss_surface
from tests.collectors.curvature.samples import (
    classified,
    convolutional,
    dense_hessian,
    draw,
    entropy,
    images,
    network,
    seeded,
    squares,
)


def linear(seed=0):
    """One layer of 3 x 4 with biases, whose squared error is quadratic in its parameters."""
    torch.manual_seed(seed)
    return nn.Linear(4, 3).double()


def regression(n=20):
    return draw(n, 4, seed=1), draw(n, 3, seed=2)


def test_a_quadratic_loss_has_a_quadratic_surface():
    model, (x, y) = linear(), regression()
    H = dense_hessian(model, squares, x, y)
    U = draw(15, 2, seed=5)
    model.zero_grad()
    squares(model(x), y).mean().backward()
    g = torch.cat([model.weight.grad.reshape(-1), model.bias.grad])
    found = loss_surface(model, squares, (x, y), directions=U, span=0.7, points=5)
    centre = squares(model(x), y).mean().item()
    for j, beta in enumerate(found.betas):
        for i, alpha in enumerate(found.alphas):
            u = U @ torch.tensor([alpha, beta])
            exact = centre + float(g @ u + u @ H @ u / 2)
            assert found.losses[j, i] == pytest.approx(exact, rel=1e-12)
    assert found.loss == pytest.approx(centre, rel=1e-14)
    assert (found.directions, found.passes, found.examples) == ("given", 25, 20)
    assert found.lengths == pytest.approx(U.norm(dim=0).tolist())


def normalised_by_hand(model, drawn):
    """Loops over filters, as equation 20 is written."""
    moves = {}
    for name, p in model.named_parameters():
        u = torch.zeros_like(p)
        if p.ndim > 1:
            for j in range(len(p)):
                u[j] = drawn[name][j] / drawn[name][j].norm() * p[j].norm()
        moves[name] = u.detach()
    return moves


def test_random_directions_are_those_set_by_hand_into_a_copy():
    model, data = convolutional(), images()
    found = loss_surface(model, entropy, data, points=3, generator=seeded(11))
    generator, moves = seeded(11), []
    for _ in range(2):
        drawn = {
            name: torch.randn(p.shape, generator=generator, dtype=p.dtype)
            for name, p in model.named_parameters()
        }
        moves.append(normalised_by_hand(model, drawn))
    for j, beta in enumerate((-1.0, 0.0, 1.0)):
        for i, alpha in enumerate((-1.0, 0.0, 1.0)):
            other = copy.deepcopy(model)
            with torch.no_grad():
                for name, p in other.named_parameters():
                    p += alpha * moves[0][name] + beta * moves[1][name]
            exact = entropy(other(data[0]), data[1]).mean().item()
            assert found.losses[j, i] == pytest.approx(exact, rel=1e-12)
    size = math.sqrt(sum(p.square().sum().item() for p in model.parameters() if p.ndim > 1))
    assert found.lengths == pytest.approx((size, size))


def sparse(seed=0):
    """A network of which half of each weight is zero, with its masks."""
    model, generator = network(seed=seed), np.random.default_rng(seed)
    masks = {f"{i}.weight": generator.random(tuple(model[i].weight.shape)) < 0.5 for i in (0, 2)}
    with torch.no_grad():
        for name, mask in masks.items():
            model.get_parameter(name).mul_(torch.from_numpy(mask))
    return model, Masks(masks)


def test_with_masks_pruned_weights_stay_zero_and_kept_filters_keep_their_norm():
    model, masks = sparse()
    seen = []

    def remember(module, inputs, outputs):
        seen.append(module.weight.detach().clone())

    model[0].register_forward_hook(remember)
    options = {"dimensions": 1, "points": 3}
    found = loss_surface(model, entropy, classified(), masks=masks, **options)
    kept = torch.from_numpy(masks.kept["0.weight"])
    left, middle, right = seen
    assert not left[~kept].any()
    assert not right[~kept].any()
    assert (right - middle).norm(dim=1).tolist() == pytest.approx(middle.norm(dim=1).tolist())
    seen.clear()
    dense = loss_surface(model, entropy, classified(), **options)
    assert bool(seen[0][~kept].any())
    assert (found.space, dense.space) == ("kept", "full")
    assert (found.parameters, dense.parameters) == (
        31 - int((~kept).sum()) - int((~masks.kept["2.weight"]).sum()), 31,
    )  # fmt: skip
    assert found.loss == dense.loss


def test_masks_of_another_network_are_refused():
    model, masks = sparse()
    other = network(seed=3)
    with pytest.raises(ConfigurationError, match="not zero"):
        loss_surface(other, entropy, classified(), masks=masks)
    with pytest.raises(ConfigurationError, match="named like"):
        loss_surface(model, entropy, classified(), masks={"fc": np.ones((2, 2), dtype=bool)})
    with pytest.raises(ConfigurationError, match="shape"):
        loss_surface(model, entropy, classified(), masks={"0.weight": np.ones(3, dtype=bool)})


def test_orthogonal_directions_are_so_filter_by_filter():
    model, seen = network(), []
    model[0].register_forward_hook(lambda m, i, o: seen.append(m.weight.detach().clone()))
    free = loss_surface(model, entropy, classified(), points=3)
    seen.clear()
    found = loss_surface(model, entropy, classified(), points=3, orthogonal=True)
    centre, right, up = seen[4], seen[5] - seen[4], seen[7] - seen[4]
    assert (right * up).sum(dim=1).abs().max() < 1e-12
    for u in (right, up):
        assert u.norm(dim=1).tolist() == pytest.approx(centre.norm(dim=1).tolist())
    assert abs(found.cosine) < 1e-14 < abs(free.cosine)


def test_along_an_eigenvector_the_curvature_of_the_surface_is_the_eigenvalue():
    model, data = network(), classified()
    top = eigenvalues(model, entropy, data, k=2, keep=True, tolerance=1e-8)
    found = loss_surface(model, entropy, data, directions=top.vectors, span=1e-3, points=3)
    middle = found.losses[1]
    assert (middle[0] - 2 * middle[1] + middle[2]) / 1e-6 == pytest.approx(top.values[0], rel=1e-4)
    kept, masks = sparse()
    inside = eigenvalues(kept, entropy, data, k=1, keep=True, tolerance=1e-8, masks=masks)
    line = loss_surface(
        kept, entropy, data, directions=inside.vectors, dimensions=1, span=1e-3, points=3,
        masks=masks,
    ).losses[0]  # fmt: skip
    assert (line[0] - 2 * line[1] + line[2]) / 1e-6 == pytest.approx(inside.values[0], rel=1e-4)


def test_the_network_is_left_untouched_and_batches_weigh_by_their_examples():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)).double()
    model.train()
    before = copy.deepcopy(model.state_dict())
    state = torch.get_rng_state()
    x, y = classified()
    options = {"points": 3, "mode": "eval"}
    one = loss_surface(model, entropy, (x, y), **options)
    two = loss_surface(model, entropy, [(x[:20], y[:20]), (x[20:], y[20:])], **options)
    loss_surface(model, entropy, (x, y), points=3, mode="train")
    assert two.losses == pytest.approx(one.losses, rel=1e-13)
    assert model.training
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(state, torch.get_rng_state())


def test_dropout_draws_alike_at_every_point():
    model = nn.Sequential(nn.Linear(3, 50), nn.Dropout(), nn.Linear(50, 3)).double()
    zero = torch.zeros(353, 1, dtype=torch.float64)
    found = loss_surface(
        model, entropy, classified(), directions=zero, dimensions=1, points=5, mode="train"
    )
    assert len(set(found.losses[0])) == 1


def test_a_loss_that_overflows_is_kept_as_infinite_and_said():
    model, data = network(nn.ReLU), classified()
    far = torch.full((31, 1), 1e200, dtype=torch.float64)
    found = loss_surface(model, entropy, data, directions=far, dimensions=1, points=3)
    frame = found.to_frame()
    assert math.isfinite(found.loss)
    assert found.diverged > 0
    assert np.isinf(frame["log_loss"]).sum() == found.diverged
    assert "kept as infinite" in found.summary()
    with torch.no_grad():
        model[0].weight.fill_(math.nan)
    with pytest.warns(RuntimeWarning, match="did training diverge"):
        loss_surface(model, entropy, data, points=3)


def test_the_frame_has_a_row_a_point_with_the_labels_first():
    found = loss_surface(network(), entropy, classified(), points=3)
    frame = found.to_frame(method="dense", seed=4)
    assert list(frame) == ["method", "seed", "alpha", "beta", "loss", "log_loss"]
    assert len(frame) == 9
    assert np.allclose(frame["log_loss"], np.log1p(frame["loss"]))
    at = frame[(frame["alpha"] == 1) & (frame["beta"] == -1)]["loss"].item()
    assert at == found.losses[0, 2]


def test_the_same_generator_gives_the_same_bytes_and_another_does_not():
    def measure(seed):
        return loss_surface(network(), entropy, classified(), points=3, generator=seeded(seed))

    assert measure(1).losses.tobytes() == measure(1).losses.tobytes()
    assert measure(1).losses.tobytes() != measure(2).losses.tobytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"points": 4}, "odd"),
        ({"span": 0.0}, "span"),
        ({"dimensions": 3}, "dimensions"),
        ({"directions": "steepest"}, "random"),
        ({"directions": torch.zeros(31, 1)}, "2 dimensions"),
        ({"directions": torch.zeros(30, 2)}, "31 entries"),
        ({"directions": [{"nope": torch.zeros(1)}, {}]}, "nope"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        loss_surface(network(), entropy, classified(), **options)
