"""How sure one can be of what a regression of loss changes on parameter changes selects."""
