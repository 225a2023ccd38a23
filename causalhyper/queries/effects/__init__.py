"""Effect curves by three estimators, and the test of their gap."""
