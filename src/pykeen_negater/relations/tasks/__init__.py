"""Tasks for the evaluation of relation encoders: analogies, lexical relations, relation mapping."""
