"""Pools to report on, which are made once."""

import pytest

from pykeen_negater import NegativePools
from pykeen_negater.pools.files import Vocabulary
from pykeen_negater.report import page as page_module

from .cases import HOSTILE, judge


@pytest.fixture(autouse=True)
def _draw_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw few relations, in the interest of time."""
    monkeypatch.setattr(page_module, "MOST_RELATIONS", 2)


@pytest.fixture(scope="session")
def mined(nations_pools: NegativePools) -> NegativePools:
    """Take pools for Nations, without texts and guard."""
    return nations_pools


@pytest.fixture(scope="session")
def judged(mined: NegativePools, tmp_path_factory: pytest.TempPathFactory) -> NegativePools:
    """Let the negatives have risks, with hostile names for all of them."""
    names = tuple(f"{HOSTILE[i % len(HOSTILE)]} {i}" for i in range(mined.num_entities))
    relations = tuple(f"{HOSTILE[i % len(HOSTILE)]} {i}" for i in range(mined.num_relations))
    folder = tmp_path_factory.mktemp("judged")
    return judge(mined, folder / "<i>judged", Vocabulary(names, relations, names, relations))
