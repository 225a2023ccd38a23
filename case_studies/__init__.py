"""Case studies: one folder a paper, from collecting runs to the report."""
