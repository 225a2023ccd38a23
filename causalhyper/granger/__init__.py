"""Which parameters' movements help to explain the loss change of a step."""
