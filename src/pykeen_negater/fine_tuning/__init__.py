"""A language model that learns to tell triples from corruptions, its thresholds, and the norms of its gradients."""
