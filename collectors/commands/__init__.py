"""Commands that ``causalhyper`` has where torch is installed; importing them does not load it."""
