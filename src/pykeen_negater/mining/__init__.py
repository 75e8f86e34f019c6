"""From a graph to pools: the only package that strings the steps together.

:class:`~pykeen_negater.mining.settings.MiningSettings` are all that pools depend on beside the graph.
:mod:`~pykeen_negater.mining.planning` says what a run will do and how long that takes,
:mod:`~pykeen_negater.mining.run` mines one shard of triples after the other, several processes sharing them, and
:mod:`~pykeen_negater.mining.merging` makes one file of the shards' pools. A killed run goes on at its last shard.
"""
