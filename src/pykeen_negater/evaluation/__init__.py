"""How good negatives are, and how well models tell true triples from false ones."""
