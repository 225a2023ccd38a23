"""The networks of the pruning paper have its numbers of parameters, and take its images."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from causalhyper.errors import ConfigurationError
from collectors.networks import AlexNet, LeNet, ResNet18


def count(make, **options):
    with torch.device("meta"):
        return sum(p.numel() for p in make(**options).parameters())


def weights(make, **options):
    with torch.device("meta"):
        return sum(p.numel() for p in make(**options).parameters() if p.ndim > 1)


def test_lenet_has_the_parameters_of_the_paper():
    assert count(LeNet) == 657_080
    assert weights(LeNet) == 656_500
    assert count(LeNet, channels=1, size=28) == 431_080
    assert count(LeNet, classes=200, size=64, kernel=7) == 3_177_710


def test_alexnet_has_the_parameters_of_torchvisions():
    assert count(AlexNet) == 57_044_810
    # torchvision documents 61,100,840 for its 1,000 classes
    assert count(AlexNet, classes=1000) == 61_100_840


def test_resnet18_has_the_known_parameters_with_and_without_normalisation():
    assert count(ResNet18) == 11_169_162
    assert count(ResNet18, normalise=True) == 11_173_962


@pytest.mark.parametrize(
    ("make", "options", "shape"),
    [
        (LeNet, {}, (3, 32, 32)),
        (LeNet, {"channels": 1, "size": 28}, (1, 28, 28)),
        (LeNet, {"classes": 200, "size": 64, "kernel": 7}, (3, 64, 64)),
        (LeNet, {"size": 16}, (3, 16, 16)),
        (ResNet18, {"width": 4}, (3, 32, 32)),
        (ResNet18, {"width": 4, "normalise": True, "channels": 1}, (1, 28, 28)),
    ],
)
def test_images_give_one_row_of_logits_each(make, options, shape):
    model = make(**options).eval()
    assert model(torch.randn(2, *shape)).shape == (2, options.get("classes", 10))


def test_alexnet_takes_sides_of_63_pixels_and_more():
    with torch.device("meta"):
        model = AlexNet().eval()
        for side in (63, 64, 224):
            assert model(torch.empty(2, 3, side, side)).shape == (2, 10)
        with pytest.raises(ConfigurationError, match="sides of 63 or more"):
            model(torch.empty(2, 3, 62, 62))


def test_images_of_another_shape_are_refused():
    with pytest.raises(ConfigurationError, match=r"\(n, 3, 32, 32\); got \(1, 3, 28, 28\)"):
        LeNet()(torch.zeros(1, 3, 28, 28))
    with pytest.raises(ConfigurationError, match=r"got \(3, 32, 32\)"):
        LeNet()(torch.zeros(3, 32, 32))
    with pytest.raises(ConfigurationError, match=r"\(n, 1, height, width\)"):
        ResNet18(channels=1, width=2)(torch.zeros(1, 3, 32, 32))


def test_images_too_small_for_the_kernels_are_refused_with_the_smallest_size():
    with pytest.raises(ConfigurationError, match="a size of 16 at least"):
        LeNet(size=15)


def test_the_published_initialisation_draws_by_outputs_and_has_no_biases():
    torch.manual_seed(0)
    model = LeNet(initialisation="published")
    for layer, outputs in (
        (model.conv1, 20 * 25),
        (model.conv2, 50 * 25),
        (model.fc1, 500),
        (model.fc2, 10),
    ):
        spread = math.sqrt(2 / outputs)
        # four standard errors of a standard deviation, of the smallest layer
        assert layer.weight.std().item() == pytest.approx(spread, rel=4 / math.sqrt(2 * 1500))
        assert not layer.bias.any()
    plain = LeNet().fc2.weight.std()
    assert model.fc2.weight.std() / plain > 10


def test_torchs_initialisation_is_what_torch_draws():
    torch.manual_seed(3)
    model = LeNet()
    torch.manual_seed(3)
    first = nn.Conv2d(3, 20, 5)
    assert torch.equal(model.conv1.weight, first.weight)


@pytest.mark.parametrize("make", [LeNet, ResNet18])
def test_an_unknown_initialisation_is_refused(make):
    with pytest.raises(ConfigurationError, match="got 'orthogonal'"):
        make(initialisation="orthogonal")


def test_activations_of_resnet18_without_normalisation_neither_vanish_nor_explode():
    torch.manual_seed(0)
    images = torch.randn(16, 3, 32, 32)

    def growth(initialisation):
        """Second moment behind the last block, over that before the first."""
        model = ResNet18(width=32, initialisation=initialisation)
        first = model.conv1(images).relu()
        last = model.layer4(model.layer3(model.layer2(model.layer1(first))))
        return (last.square().mean() / first.square().mean()).item()

    assert 0.3 < growth("stable") < math.e * 1.5
    assert growth("published") > 30
    assert growth("torch") < 0.3


@pytest.mark.parametrize("initialisation", ["stable", "published"])
def test_resnet18_without_normalisation_learns(initialisation):
    torch.manual_seed(1)
    # four classes, told apart by which quarter of the image is bright
    labels = torch.arange(32) % 4
    images = torch.randn(32, 1, 8, 8) * 0.5
    for i, label in enumerate(labels):
        row, column = divmod(int(label), 2)
        images[i, 0, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 1
    model = ResNet18(4, channels=1, width=8, initialisation=initialisation)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(40):
        optimizer.zero_grad()
        loss = cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1 * math.log(4)


def test_the_networks_can_be_copied_traced_and_compiled_to_a_graph():
    torch.manual_seed(0)
    for model in (LeNet(size=16), ResNet18(width=2, normalise=True)):
        model.eval()
        x = torch.randn(2, 3, 16, 16)
        wanted = model(x)
        assert torch.equal(copy.deepcopy(model)(x), wanted)
        assert torch.equal(torch.fx.symbolic_trace(model)(x), wanted)
        torch.testing.assert_close(torch.export.export(model, (x,)).module()(x), wanted)
