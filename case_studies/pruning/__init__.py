"""Is causal pruning better than magnitude? The pruning paper's networks, by paired seeds."""
