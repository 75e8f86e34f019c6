"""``negater verify``."""

from pathlib import Path

import click

from ..configuration import config_option
from ..terminal import conclude, echo, output_options
from .command import Command
from .options import PATH

__all__ = [
    "verify",
]


@click.command(cls=Command, epilog="Example: negater verify umls.pools conceptnet.pools")
@config_option
@output_options
@click.argument("pools", type=PATH, nargs=-1)
@click.option(
    "--cache", "whole_cache", is_flag=True, help="Check the cache, too, or only the cache if no POOLS are given."
)
def verify(pools: tuple[Path, ...], whole_cache: bool) -> None:
    """Check that pools are undamaged: checksums, ids, and the order of the negatives.

    Without folders of POOLS, the cache is checked. The exit code is 1 if anything is wrong. Folders without checksums
    are listed as not checked, which is no error.
    """
    from ...pools.files import PoolsError
    from ...pools.verification import verify_cache, verify_pools
    from ...storage.cache import Cache

    num_checked = 0
    damages: dict[str, str] = {}
    num_unchecked = 0
    is_cache_damaged = False
    for path in pools:
        num_checked += 1
        try:
            found = verify_pools(path)
            echo(f"{path}: {len(found):,} negatives for {found.num_triples:,} triples, undamaged")
        except PoolsError as error:
            damages[str(path)] = str(error)
            echo(str(error), error=True)
    if whole_cache or not pools:
        for path, is_checked, damage in verify_cache(Cache()):
            if not is_checked:
                num_unchecked += 1
                echo(f"{path}: not checked")
                continue
            num_checked += 1
            if damage is None:
                echo(f"{path}: undamaged")
            else:
                damages[str(path)] = damage
                echo(f"{path} is damaged: {damage}", error=True)
                is_cache_damaged = True
    if is_cache_damaged:
        echo("Damaged parts of the cache are made again by the next run that needs them.")
    counts = {"checked": num_checked, "not_checked": num_unchecked, "damaged": len(damages)}
    conclude({**counts, "damage": damages})
    if damages:
        raise SystemExit(1)
