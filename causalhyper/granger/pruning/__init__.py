"""Prunings: schedules, and what came of them over sparsities and seeds."""
