"""Look-ups that fail helpfully, and text that terminals and pages can show."""
