"""How relation encoders are trained."""
