"""Where there is no GPU its tests are not collected: a skipped test fails a run of CI."""

import torch

collect_ignore = [] if torch.cuda.is_available() else ["test_lasso_cuda.py"]
