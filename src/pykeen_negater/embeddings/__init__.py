"""From entities to vectors, and from vectors to nearest neighbours."""
