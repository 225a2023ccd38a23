"""Tests on a GPU are collected where there is one."""

import torch

collect_ignore = [] if torch.cuda.is_available() else ["test_captured_on_gpu.py"]
