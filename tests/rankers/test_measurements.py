"""What is measured of a shard, and of a run."""

from pykeen_negater.rankers.measurements import Measurements, halved_batches


def test_halved_batches_are_added_up_and_none_are_not_mentioned():
    none = halved_batches("batches_halved", 0)
    assert none == Measurements()
    some = none + halved_batches("batches_halved", 2) + halved_batches("batches_halved", 3)
    assert some.counts == {"batches_halved": 5}


def test_what_is_measured_is_added_and_nothing_changes_what_was_returned():
    run = Measurements({"train": 1.0, "score": 2.0}, {"scored": 3}, {"seen": 1, "loss": [0.5]})
    shard = Measurements({"score": 0.5, "assemble": 4.0}, {"scored": 4, "kept": 0}, {"seen": 2})
    both = run + shard
    assert both.durations == {"train": 1.0, "score": 2.5, "assemble": 4.0}
    assert both.counts == {"scored": 7, "kept": 0}
    # what is no number is that of the latest
    assert both.statistics == {"seen": 2, "loss": [0.5]}
    assert [*both.durations] == ["train", "score", "assemble"]
    assert run == Measurements({"train": 1.0, "score": 2.0}, {"scored": 3}, {"seen": 1, "loss": [0.5]})
    assert shard.counts == {"scored": 4, "kept": 0}
    assert run + Measurements() == Measurements() + run == run


def test_nothing_is_shared_by_what_has_measured_nothing():
    assert Measurements().durations is not Measurements().durations
