"""What every query asks of a fitted model: its worlds, design, resamples and assumptions."""
