"""What a run of mining is handed."""

import dataclasses

import pytest
from pykeen.triples import TriplesFactory

from pykeen_negater.mining.miner import Miner
from pykeen_negater.mining.settings import MiningSettings
from pykeen_negater.mining.task import MiningTask
from pykeen_negater.triples.graphs import Graph


def test_a_task_is_what_its_miner_is_about_and_does_not_change(nations: TriplesFactory):
    miner = Miner(Graph.from_factory(nations), MiningSettings(encoder="structural", ranker="similarity"))
    task = miner.task
    assert isinstance(task, MiningTask)
    for field in dataclasses.fields(MiningTask):
        assert getattr(task, field.name) is getattr(miner, field.name) or (
            getattr(task, field.name) == getattr(miner, field.name)
        )
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.key = "another"  # type: ignore[misc]
