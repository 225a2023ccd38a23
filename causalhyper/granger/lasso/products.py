"""Matrix products whose precision is what it is counted as."""

from __future__ import annotations

import sys
import threading
from typing import Any

from array_api_compat import is_torch_array

from causalhyper.granger.lasso.backend import Block


def product(left: Block, right: Block) -> Block:
    """Matrix product in the precision of its factors.

    torch may be told, anywhere in a program, to round the factors of float32 products to TF32 or
    bfloat16; the bound on rounding that certifies a path would then be wrong.
    """
    if not is_torch_array(right):
        return left @ right
    with _plain, sys.modules["torch"].autocast(right.device.type, enabled=False):
        return left @ right


class _PlainProducts:
    """While any thread is inside, torch computes products of float32 in float32.

    These settings are the whole process's, so the first to come in notes them and the last to go
    out puts them back.
    """

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._before: list[str] = []

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = _exchange(None)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                _exchange(self._before)


_plain = _PlainProducts()


def _exchange(precisions: list[str] | None) -> list[str]:
    """Set the precision of products on GPUs and on processors; return what was set.

    None stands for float32 itself.
    """
    torch: Any = sys.modules["torch"]
    if not hasattr(torch.backends.mkldnn, "matmul"):  # before torch 2.9: one setting for both
        before = [torch.get_float32_matmul_precision()]
        torch.set_float32_matmul_precision((precisions or ["highest"])[0])
        return before
    libraries = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)
    before = [library.fp32_precision for library in libraries]
    for library, precision in zip(libraries, precisions or ["ieee", "ieee"], strict=True):
        library.fp32_precision = precision
    return before
