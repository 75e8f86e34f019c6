"""Small models that score all answers of a query at once."""
