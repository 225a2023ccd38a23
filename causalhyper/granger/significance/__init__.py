"""How sure one can be of what a fit keeps."""
