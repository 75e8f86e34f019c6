"""Which entities and relations may stand in the place of others."""
