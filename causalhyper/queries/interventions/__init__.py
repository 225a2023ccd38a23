"""What an intervention does to the distribution of the outcome."""
