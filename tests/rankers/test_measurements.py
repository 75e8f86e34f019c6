"""What is measured of a shard, and of a run."""

from pykeen_negater.rankers.measurements import Measurements


def test_halved_batches_are_added_up_and_none_are_not_mentioned():
    measured = Measurements()
    measured.note_halved("batches_halved", 0)
    assert measured.statistics == {}
    measured.note_halved("batches_halved", 2)
    measured.note_halved("batches_halved", 3)
    assert measured.statistics == {"batches_halved": 5}


def test_a_shard_has_a_clock_of_its_own_and_the_statistics_of_the_run():
    run = Measurements()
    run.durations["train"] = 1.0
    shard = run.of_a_shard()
    shard.durations["score"] = 2.0
    shard.counts["scored"] = 3
    shard.statistics["seen"] = True
    assert run.durations == {"train": 1.0}
    assert run.counts == {}
    assert run.statistics == {"seen": True}
    assert run.of_a_shard().durations == {}
