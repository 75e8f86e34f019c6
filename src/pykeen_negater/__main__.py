"""``python -m pykeen_negater`` is the command ``negater``."""

from .cli.main import main

if __name__ == "__main__":
    main()
