"""The command ``negater``: the only package that talks to a terminal."""
