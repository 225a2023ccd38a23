"""Two full factorials of training runs that others logged: the truth of the effect is known."""
