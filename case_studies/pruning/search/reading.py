"""What a search found: means, and differences from the strongest baseline paired by seed."""
