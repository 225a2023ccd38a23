"""Effects of batch size and of the arms, cell by cell and over all cells."""
