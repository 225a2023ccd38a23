"""Which value of the treatment to choose."""
