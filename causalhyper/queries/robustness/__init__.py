"""Robustness: what an effect withstands."""
