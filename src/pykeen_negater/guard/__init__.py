"""How likely a corruption is true: features, a risk model, and the training triples held out to fit it."""
