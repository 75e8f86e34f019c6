"""A page about pools, in the form of a dataset card, so that their folder can be published as it is."""

from collections.abc import Mapping
from typing import Any

import yaml

from .indexing import SIDES

__all__ = [
    "pool_card",
]

#: The size categories of dataset cards: up to how many rows, and what it is called
_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
)

#: The settings that the page names, and how
_SETTINGS = {
    "encoder": "encoder",
    "candidates": "candidates",
    "k": "neighbours per triple and side",
    "ranker": "ranker",
    "guard": "guard",
    "pool_size": "negatives per triple and side, at most",
    "seed": "seed",
}

_CARD = """\
# Negatives for a knowledge graph

{negatives:,} plausible falsehoods for {triples:,} training triples over {entities:,} entities and {relations:,}
relations{coverage}. Each is a training triple whose {sides} is replaced; none is a training triple itself.

## Use

```python
from pykeen.pipeline import pipeline

pipeline(
    dataset=...,  # with the same labels and ids
    model="PairRE",
    negative_sampler="negater",
    negative_sampler_kwargs={{"pools": "the path of this folder"}},
)
```

`pip install pykeen-negater` is all it takes. `negater export` turns the pools into tables, `negater verify` checks
them, and `negater report` shows what is in them.

## How they were made

{made}

{trust}

## Files

- `pools.safetensors`: the triples' keys, where their pools start, who stands in, hardest first, how hard and how risky
- `metadata.json`: settings, versions, statistics and checksums
- `vocabulary.json`: labels and texts of entities and relations, which are those of the graph, as is their license
- `durations.json`: the seconds that each step took

The method is NegatER's (Safavi, Zhu and Koutra, EMNLP 2021), with the guard and the samplers of pykeen-negater.
"""


def pool_card(metadata: Mapping[str, Any], num_triples: int, num_negatives: int) -> str:
    """Write the page.

    :param metadata: the pools' metadata
    :param num_triples: the number of training triples
    :param num_negatives: the number of negatives
    :return: Markdown, with a header in YAML
    """
    header = {
        "pretty_name": "Negatives for a knowledge graph",
        "tags": ["knowledge-graph", "link-prediction", "negative-sampling", "pykeen"],
        "size_categories": [next((name for limit, name in _SIZES if num_negatives < limit), "n>1T")],
    }
    coverage = metadata.get("statistics", {}).get("coverage")
    names = {number: name for name, number in SIDES.items()}
    return f"---\n{yaml.safe_dump(header, sort_keys=False)}---\n\n" + _CARD.format(
        negatives=num_negatives,
        triples=num_triples,
        entities=metadata["num_entities"],
        relations=metadata["num_relations"],
        coverage="" if coverage is None else f"; {coverage:.1%} of the triples have some",
        sides=" or ".join(names[side] for side in metadata["sides"]),
        made=_made(metadata),
        trust=_trust(metadata),
    )


def _made(metadata: Mapping[str, Any]) -> str:
    settings, versions = metadata.get("settings", {}), metadata.get("versions", {})
    rows = {label: settings[name] for name, label in _SETTINGS.items() if name in settings}
    rows |= {f"version of {name}": version for name, version in versions.items()}
    if not rows:
        return "Nothing is known about that."
    # what has parameters comes as a pair of its name and these
    cells = {name: value[0] if isinstance(value, list) else value for name, value in rows.items()}
    lines = [f"| {name} | {'none' if value is None else value} |" for name, value in cells.items()]
    return "\n".join(["| | |", "| --- | --- |", *lines])


def _trust(metadata: Mapping[str, Any]) -> str:
    guard = metadata.get("statistics", {}).get("guard")
    if guard is None:
        return (
            "No guard has judged them. A graph is incomplete, and the hardest negatives are the likeliest to be true "
            "after all."
        )
    measured, highest = guard["proposed"], metadata.get("max_mined_risk")
    limit = (
        ""
        if highest is None
        else (f" None is more than {highest:.1f} times as likely true as a random corruption, as far as it can tell.")
    )
    return (
        f"A guard was trained on {guard['hidden_triples']:,} training triples that were hidden from everything that "
        f"judges candidates. Among candidates, it tells hidden triples from others with an AUC of "
        f"{measured.get('auc', float('nan')):.3f}.{limit} A graph is incomplete: some negatives are true all the same."
    )
