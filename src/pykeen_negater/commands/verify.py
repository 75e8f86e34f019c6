"""``negater verify``."""

from pathlib import Path

import click

from ..configuration import config_option
from ..terminal import conclude_json, echo, output_options
from .options import PATH

__all__ = [
    "verify",
]


@click.command(epilog="Example: negater verify umls.pools conceptnet.pools")
@config_option
@output_options
@click.argument("pools", type=PATH, nargs=-1)
@click.option(
    "--cache", "whole_cache", is_flag=True, help="Check what is cached, too; that is all if no POOLS are given."
)
def verify(pools: tuple[Path, ...], whole_cache: bool) -> None:
    """Check that pools are what was written: checksums, ids, and the order of the negatives.

    Without folders of POOLS, whatever is cached is checked. The exit code is 1 if anything is wrong. What has nothing
    to be compared with is named, and is no error.
    """
    from ..caching import Cache
    from ..pool_files import PoolsError
    from ..verification import verify_cache, verify_pools

    damages: dict[str, str | None] = {}
    unchecked = []
    for path in pools:
        try:
            found = verify_pools(path)
            damages[str(path)] = None
            echo(f"{path}: {len(found):,} negatives for {found.num_triples:,} triples, as they should be")
        except PoolsError as error:
            damages[str(path)] = str(error)
            echo(str(error), error=True)
    if whole_cache or not pools:
        for path, is_checked, damage in verify_cache(Cache()):
            if not is_checked:
                unchecked.append(str(path))
                echo(f"{path}: not checked")
                continue
            damages[str(path)] = damage
            if damage is None:
                echo(f"{path}: as it should be")
            else:
                echo(f"{path} is damaged: {damage}", error=True)
    conclude_json({**damages, **dict.fromkeys(unchecked, "not checked")})
    if any(damages.values()):
        raise SystemExit(1)
