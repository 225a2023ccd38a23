"""The networks of the pruning paper, with the numbers of parameters that it reports."""

from collectors.networks.alexnet import AlexNet
from collectors.networks.lenet import LeNet
from collectors.networks.resnet import ResNet18

__all__ = ["AlexNet", "LeNet", "ResNet18"]
