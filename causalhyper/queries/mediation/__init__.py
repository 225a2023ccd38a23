"""Through which nodes an effect goes."""
