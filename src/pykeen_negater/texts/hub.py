"""Checks early that a language model can be loaded, without the minutes of retries of the hub's client."""

import os
import re
from pathlib import Path

__all__ = [
    "check_language_model",
]

#: The pattern of names on the Hugging Face hub
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")

#: The seconds to wait for an answer from the hub
PATIENCE = 5.0

#: The file that every language model has
_CONFIG = "config.json"


def check_language_model(name: str) -> None:
    """Check that a language model can be loaded: from a folder, from the cache of the hub, or from the hub.

    :param name: a folder, or a name on the Hugging Face hub
    :raises FileNotFoundError: if there is no such folder and no such name, or the hub cannot be reached
    """
    if Path(name).is_dir():
        return
    if not _NAME.fullmatch(name):
        raise FileNotFoundError(f"found no folder {name}, expected a language model's, or a name on the hub.")
    from huggingface_hub import HfApi, constants, try_to_load_from_cache
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(try_to_load_from_cache(name, _CONFIG), str | os.PathLike):
        return
    nowhere = f"found no folder {name}, and no language model of that name in the hub's cache"
    if constants.HF_HUB_OFFLINE:
        raise FileNotFoundError(f"{nowhere}; HF_HUB_OFFLINE is set. Pass a folder, or unset it.")
    try:
        HfApi().model_info(name, timeout=PATIENCE)
    except GatedRepoError:
        return  # the error when loading it says how to get access
    except RepositoryNotFoundError as error:
        raise FileNotFoundError(f"found no folder {name}, and no model of that name on the hub. Correct it.") from error
    except Exception as error:  # the hub's client raises a dozen types, such as OSError and its own
        raise FileNotFoundError(
            f"{nowhere}; the hub cannot be reached ({type(error).__name__}). Pass a folder, or connect to the network."
        ) from error
