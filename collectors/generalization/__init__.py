"""Generalisation: what a trained network scores on examples it was or was not trained on."""
