"""Mining, from a graph to pools: the only package that combines the steps.

:class:`~pykeen_negater.mining.settings.MiningSettings` are everything that pools depend on, apart from the graph.
:mod:`~pykeen_negater.mining.planning` estimates what a run will do and how long it takes,
:mod:`~pykeen_negater.mining.run` mines one shard of triples after the other, several processes sharing them, and
:mod:`~pykeen_negater.mining.merging` merges the shards' pools into one file. A killed run goes on at its last shard.
"""
