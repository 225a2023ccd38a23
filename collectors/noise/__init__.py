"""Gradient noise: how much a minibatch gradient scatters about the full gradient."""
