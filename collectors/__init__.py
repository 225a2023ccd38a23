"""Train and measure runs with PyTorch; write tidy frames. torch lives here and only here."""
