"""Tests of what whole layers and units do to the loss."""

from causalhyper.granger.significance.layers.increment import movement_increment
from causalhyper.granger.significance.layers.increment_result import (
    LayerIncrement,
    MovementIncrement,
)
from causalhyper.granger.significance.layers.lagged import lagged_tests
from causalhyper.granger.significance.layers.lagged_result import LaggedDirection, LaggedTests
from causalhyper.granger.significance.layers.nested import layer_tests
from causalhyper.granger.significance.layers.nested_result import LayerTest, LayerTests

__all__ = [
    "LaggedDirection",
    "LaggedTests",
    "LayerIncrement",
    "LayerTest",
    "LayerTests",
    "MovementIncrement",
    "lagged_tests",
    "layer_tests",
    "movement_increment",
]
