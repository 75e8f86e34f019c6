"""The command ``negater``."""

import logging
import os
import sys
from typing import Any

import click

from ..utils.limits import explain_shortage
from ..utils.printable import printable
from .commands.command import Group
from .commands.doctor import doctor
from .commands.evaluate import evaluate
from .commands.export import export
from .commands.fine_tune import fine_tune
from .commands.import_ import import_
from .commands.mine import mine
from .commands.relations import relations
from .commands.report import report
from .commands.verify import verify
from .terminal import PrintableFormatter

__all__ = [
    "main",
]

#: The exit code after an interruption, as in shells: 128 plus the signal's number
INTERRUPTED = 130


class _Group(Group):
    """Prints errors in one line and exits with 1; wrong usage exits with 2, an interruption with 130."""

    # docstr-coverage: inherited
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted. Run the same command again to go on with what is not finished yet.", err=True)
            ctx.exit(INTERRUPTED)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            shortage = explain_shortage(error)
            if shortage is None and not isinstance(error, (ValueError, OSError)):
                raise
            raise click.ClickException(printable(str(shortage or error))) from error


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    epilog="Example: negater mine --dataset nations",
)
@click.version_option(package_name="pykeen-negater")
def main() -> None:
    """Mine negatives for knowledge graph embeddings with a language model."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PrintableFormatter())
    handler.setLevel(logging.WARNING)  # PyKEEN logs the files that it loads
    if not sys.stderr.isatty():
        # nested bars move the cursor
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


for _command in (mine, fine_tune, evaluate, report, export, import_, relations, verify, doctor):
    main.add_command(_command)


if __name__ == "__main__":
    main()
