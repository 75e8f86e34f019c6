"""Lines that are said once."""

import logging
from collections import Counter

import pytest
from pykeen.pipeline import pipeline

from pykeen_negater.utils.said_once import warn_once

logger = logging.getLogger("pykeen_negater.test")


def test_once_per_subject_and_line(caplog: pytest.LogCaptureFixture):
    for _ in range(2):
        for subject, number in (("a", 1), ("a", 2), ("b", 1)):
            warn_once(logger, subject, "found %d", number)
    assert [record.getMessage() for record in caplog.records] == ["found 1", "found 2", "found 1"]


@pytest.mark.usefixtures("empty_cache")
def test_a_training_says_nothing_twice_about_texts_types_and_known_triples(caplog: pytest.LogCaptureFixture):
    for _ in range(2):
        pipeline(
            dataset="nations",
            model="TransE",
            model_kwargs={"embedding_dim": 4},
            training_kwargs={"num_epochs": 1, "use_tqdm": False},
            negative_sampler="negater",
            negative_sampler_kwargs={
                # no pools are found, so that every sampler looks for some
                "mine": "never",
                "encoder": "structural",
                "ranker": "similarity",
                "entity_text": {"brazil": "Brazil"},
                "relation_text": {"embassy": "has an embassy in"},
                "entity_types": {"brazil": "country"},
                "known_triples": [["brazil", "embassy", "uk"], ["atlantis", "embassy", "uk"]],
            },
            evaluation_kwargs={"use_tqdm": False},
            random_seed=0,
        )
    said = Counter(
        (record.name.rpartition(".")[2], record.getMessage().partition(" ")[0])
        for record in caplog.records
        if record.name.rpartition(".")[2] in ("loading", "entity_types", "known_triples")
    )
    assert said == {
        ("loading", "entity_text"): 1,
        ("loading", "relation_text"): 1,
        ("entity_types", "No"): 1,
        ("known_triples", "1"): 1,
    }
