"""Training of relation encoders, as RelBERT does it: data, steps, losses, settings, and the loop."""
