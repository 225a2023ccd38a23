"""Case study: does batch size cause generalisation, and through what."""
