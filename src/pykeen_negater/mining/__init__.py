"""From a graph to pools: settings, plan, run and shards. The only place that strings the steps together."""
