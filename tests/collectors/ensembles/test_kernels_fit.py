"""Kernels are compiled for GPUs that are not here: what they ask for fits into shared memory."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch

from causalhyper.errors import ConfigurationError
from collectors.ensembles.pruning import fused
from collectors.ensembles.pruning.blocks import BLOCKS
from collectors.ensembles.pruning.networks import Precision, arithmetic
from collectors.networks import LeNet

SHARED = {90: 232_448, 80: 166_912}
"""Bytes that a program may have on GPUs of compute capability 9.0 and 8.0 (CUDA C++ Programming
Guide, "Technical Specifications per Compute Capability": 227 kB and 163 kB)."""
TYPES = {torch.float32: "*fp32", torch.bfloat16: "*bf16", torch.uint8: "*u8"}
SHAPES = {"FashionMNIST": (1, 28, 5), "CIFAR-10": (3, 32, 5), "Tiny-ImageNet": (3, 64, 7)}


class Launches:
    """A module of kernels that compiles what it is asked to launch, and launches nothing."""

    def __init__(self, kernels: ModuleType, capability: int) -> None:
        self.kernels, self.capability = kernels, capability
        self.bytes: dict[str, int] = {}

    def __getattr__(self, name: str) -> "Launcher":
        return Launcher(self, name)


class Launcher:
    """One of them."""

    def __init__(self, launches: Launches, name: str) -> None:
        self.launches, self.name = launches, name

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., None]:
        assert all(0 < count < 65_536 for count in grid[1:]), grid
        return self.launch

    def launch(self, *args: Any, **values: Any) -> None:
        from triton.backends.compiler import GPUTarget
        from triton.compiler import ASTSource
        from triton.compiler import compile as compiled

        kernel = getattr(self.launches.kernels, self.name)
        names = kernel.arg_names
        options = {k: values.pop(k) for k in ("num_warps", "num_stages") if k in values}
        values = dict(zip(names, args, strict=False)) | values
        fixed = {p.name for p in kernel.params if p.is_constexpr}
        types = {name: "constexpr" if name in fixed else _type(values[name]) for name in names}
        constants = {(i,): values[name] for i, name in enumerate(names) if name in fixed}
        known = {
            (i,): [["tt.divisibility", 16]]
            for i, name in enumerate(names)
            if name not in fixed and (torch.is_tensor(values[name]) or values[name] % 16 == 0)
        }
        source = ASTSource(kernel, types, constants, known)
        found = compiled(source, GPUTarget("cuda", self.launches.capability, 32), options)
        self.launches.bytes[self.name] = found.metadata.shared


def _type(value: object) -> str:
    return TYPES[value.dtype] if isinstance(value, torch.Tensor) else "i32"


def _pass(shape: tuple[int, int, int], precision: Precision, engine: str = "fused") -> None:
    channels, size, kernel = shape
    model = LeNet(channels=channels, size=size, kernel=kernel)
    stacked = {
        name: torch.stack([value.detach()] * 3).requires_grad_()
        for name, value in model.named_parameters()
    }
    with arithmetic(precision, torch.device("cpu")):
        out = fused.fused_features(stacked, torch.randn(8, channels, size, size), engine)
    out.sum().backward()


LARGE = [("Tiny-ImageNet", engine, 90) for engine in BLOCKS if engine != "fused"]
"""The other engines where they need most; "fused-wide" would not fit into the smaller GPU."""


@pytest.mark.parametrize(
    ("data", "engine", "capability"),
    [*((data, "fused", capability) for data in SHAPES for capability in SHARED), *LARGE],
)
@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_every_kernel_fits_into_shared_memory(
    data: str,
    engine: str,
    capability: int,
    precision: Precision,
    monkeypatch: pytest.MonkeyPatch,
):
    pytest.importorskip("triton", exc_type=ImportError)
    import collectors.ensembles.pruning as package
    from collectors.ensembles.pruning import kernels

    launches = Launches(kernels, capability)
    monkeypatch.setattr(package, "kernels", launches)
    monkeypatch.setattr(fused, "has_kernels", lambda images: True)
    _pass(SHAPES[data], precision, engine)
    assert len(launches.bytes) == 7
    assert max(launches.bytes.values()) <= SHARED[capability], launches.bytes


def test_more_values_than_kernels_count_in_32_bits_are_refused(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("triton", exc_type=ImportError)
    import collectors.ensembles.pruning as package
    from collectors.ensembles.pruning import kernels

    monkeypatch.setattr(package, "kernels", Launches(kernels, 90))
    monkeypatch.setattr(fused, "has_kernels", lambda images: True)
    patches = 8 * 12 * 12 * 4 * 32
    monkeypatch.setattr(fused, "LARGEST", patches - 1)
    with pytest.raises(ConfigurationError, match=f"{patches:,} values .* fewer networks or"):
        _pass(SHAPES["FashionMNIST"], "bfloat16")
