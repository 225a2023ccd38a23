"""How many runs a study needs."""
