"""Along which paths an effect goes."""
