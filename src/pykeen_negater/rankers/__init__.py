"""From candidates to scores: one ranker per module, their base class and resolver."""
