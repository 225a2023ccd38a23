"""Through what batch size acts: mediation, ablations, dominance, counterfactuals."""
