"""Tests that rest on how the treatment was assigned alone."""
