"""A page about pools, in the form of a dataset card, so that their folder can be published as it is."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from .indexing import SIDES
from .terminal import printable

__all__ = [
    "pool_card",
    "public_spelling",
]

#: The names of parts that documentation and commands spell with hyphens, as metadata has them
_SPELLINGS = {
    name.replace("-", ""): name
    for name in ("sentence-transformer", "full-gradients", "proxy-gradients", "relation-embedding")
}

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
# {title}

{negatives:,} {what} for {triples:,} training triples over {entities:,} entities and {relations:,}
relations{coverage}. Each is a training triple whose {sides} is replaced; none is a training triple itself.

## Use

```python
from pykeen.pipeline import pipeline

pipeline(
    dataset={dataset}
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
- `vocabulary.json`: labels and texts of entities and relations
- `durations.json`: the seconds that each step took

## License

Labels, texts and triples are those of the graph, so that its license holds for this folder, too. To publish the folder,
put that license in the place of `unknown` in the header of this page.

{credit}
"""


def pool_card(metadata: Mapping[str, Any], num_triples: int, num_negatives: int) -> str:
    """Write the page.

    :param metadata: the pools' metadata
    :param num_triples: the number of training triples
    :param num_negatives: the number of negatives
    :return: Markdown, with a header in YAML
    """
    dataset = metadata.get("dataset")
    dataset = None if dataset is None else _on_one_line(dataset)
    title = "Negatives for a knowledge graph" if dataset is None else f"Negatives for the knowledge graph {dataset}"
    header = {
        "pretty_name": title,
        "license": "unknown",
        "tags": ["knowledge-graph", "link-prediction", "negative-sampling", "pykeen"],
        "size_categories": [next((name for limit, name in _SIZES if num_negatives < limit), "n>1T")],
    }
    coverage = metadata.get("statistics", {}).get("coverage")
    names = {number: name for name, number in SIDES.items()}
    guarded = metadata.get("statistics", {}).get("guard") is not None
    return f"---\n{yaml.safe_dump(header, sort_keys=False)}---\n\n" + _CARD.format(
        title=title,
        dataset="...,  # with the same labels and ids" if dataset is None else f"{json.dumps(dataset)},",
        what="plausible falsehoods" if guarded else "corruptions",
        credit=_credit(metadata, guarded),
        negatives=num_negatives,
        triples=num_triples,
        entities=metadata["num_entities"],
        relations=metadata["num_relations"],
        coverage="" if coverage is None else f"; {coverage:.1%} of the triples have some",
        sides=" or ".join(names[side] for side in metadata["sides"]),
        made=_made(metadata),
        trust=_trust(metadata),
    )


def public_spelling(value: Any) -> Any:
    """Spell the name of a part as commands and documentation do.

    :param value: any setting
    :return: the setting; the name of a part with its hyphens

    >>> public_spelling("sentencetransformer"), public_spelling("probe"), public_spelling(32)
    ('sentence-transformer', 'probe', 32)
    """
    return _SPELLINGS.get(value, value) if isinstance(value, str) else value


def _on_one_line(value: Any) -> str:
    """Write a value so that it is a part of a line, and all of it can be seen."""
    return " ".join(printable(str(value)).split())


def _credit(metadata: Mapping[str, Any], guarded: bool) -> str:
    if not metadata.get("settings"):
        return "The folder was written by pykeen-negater."
    parts = "the guard and the samplers" if guarded else "the samplers"
    return f"The method is NegatER's (Safavi, Zhu and Koutra, EMNLP 2021), with {parts} of pykeen-negater."


def _made(metadata: Mapping[str, Any]) -> str:
    settings, versions = metadata.get("settings", {}), metadata.get("versions", {})
    rows = {label: settings[name] for name, label in _SETTINGS.items() if name in settings}
    models = metadata.get("language_models", [])
    rows |= {"language model": ", ".join(models)} if models else {}
    rows |= {f"version of {name}": version for name, version in versions.items()}
    if not rows:
        return "They were not mined, but imported or made by hand: nothing is known about how."
    # what has parameters comes as a pair of its name and these
    cells = {name: public_spelling(value[0] if isinstance(value, list) else value) for name, value in rows.items()}
    lines = [
        f"| {_on_one_line(name)} | {_on_one_line('none' if value is None else value)} |"
        for name, value in cells.items()
    ]
    return "\n".join(["| | |", "| --- | --- |", *lines])


def _trust(metadata: Mapping[str, Any]) -> str:
    guard = metadata.get("statistics", {}).get("guard")
    if guard is None:
        judged = (
            "Each scores below the threshold of its relation, from which on the ranker takes a triple for true. No "
            "guard has judged how likely each is true."
            if metadata.get("settings", {}).get("guard") == "thresholds"
            else "No guard has judged them."
        )
        return f"{judged} A graph is incomplete, and the hardest negatives are the likeliest to be true after all."
    measured, highest = guard["proposed"], metadata.get("max_mined_risk")
    limit = (
        ""
        if highest is None
        else (f" None is more than {highest:.2g} times as likely true as a random corruption, as far as it can tell.")
    )
    return (
        f"A guard was trained on {guard['hidden_triples']:,} training triples that were hidden from everything that "
        f"judges candidates. Among candidates, it tells hidden triples from others with an AUC of "
        f"{measured.get('auc', float('nan')):.3f}.{limit} A graph is incomplete: some negatives are true all the same."
    )
