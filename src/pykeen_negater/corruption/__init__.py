"""False triples to train a language model with, one kind per module."""
