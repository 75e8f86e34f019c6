"""Tasks that relation encoders are evaluated with: analogies, lexical relations, relation mapping."""
