"""How flat the minima are to which the pruned networks of the study were trained."""
