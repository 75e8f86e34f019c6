"""From pools to the negatives of a batch: the sampler, what it draws, and what it avoids."""
