"""What needs dowhy, pgmpy or xgi: run in an environment of its own, whose scipy dowhy pins."""
