"""Writes a page about pools, in the form of a dataset card, so that their folder can be published as it is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..triples.indexing import SIDES
from ..utils.counting import counted
from ..utils.printable import printable

__all__ = [
    "NoneDrawn",
    "pool_card",
    "public_spelling",
    "training_snippet",
    "why_none_are_drawn",
]

#: The hyphenated names of encoders and rankers, by the names without hyphens in the metadata
_SPELLINGS = {
    name.replace("-", ""): name
    for name in ("sentence-transformer", "full-gradients", "proxy-gradients", "relation-embedding")
}

#: The size categories of dataset cards: the number of rows that each stays below, and its name
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

#: The settings that the page lists, and their names there
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

{negatives} for {triples} over {entities} and {relations}{coverage}.
Each is a training triple whose {sides} is replaced; none is a training triple itself.

## Use

```python
{snippet}
```

{drawn}

`pip install pykeen-negater` is all it takes. `negater export` turns the pools into tables, `negater verify` checks
them, and `negater report` shows what is in them.

## How they were made

{made}

{trust}

## Files

- `pools.safetensors`: keys of triples, where their pools start, the replacements, hardest first, {arrays}
- `metadata.json`: settings, versions, statistics and checksums
- `vocabulary.json`: labels and texts of entities and relations
- `durations.json`: the seconds that each step took

## License

Labels, texts and triples are those of the graph, so that its license holds for this folder, too. To publish the folder,
put that license in the place of `unknown` in the header of this page.

{credit}
"""


#: What the pipeline of an example trains, and how; with fewer negatives, or another loss, they do less
_EXAMPLE = """\
from pykeen.pipeline import pipeline

pipeline(
    {data}
    model="PairRE",
    loss="nssa",
    negative_sampler="negater",
    negative_sampler_kwargs={{
        "pools": {folder},
        "num_negs_per_pos": 16,{scheme}
    }},
)"""


@dataclass(frozen=True)
class NoneDrawn:
    """The reason why no mined negatives are drawn from pools by default."""

    #: The reason, as the end of a sentence
    because: str

    #: What to do about it, a sentence
    remedy: str


def why_none_are_drawn(metadata: Mapping[str, Any], num_negatives: int) -> NoneDrawn | None:
    """Tell whether the sampler draws from pools with the settings of :func:`training_snippet`.

    :param metadata: the pools' metadata
    :param num_negatives: the number of negatives
    :return: the reason if it draws none; None if it draws some
    """
    if not num_negatives:
        return NoneDrawn("there are none in them", "Mine with other settings, or train with guarded random ones.")
    risk, limit = metadata.get("accepted_risk"), metadata.get("max_mined_risk")
    if risk is not None and limit is not None and risk > limit:
        return NoneDrawn(
            f"in this graph, the guard could not tell which ones are true (those that it accepted were true at least "
            f"{risk:.2g} times as often as random ones, and {limit:.2g} times is the most that is safe)",
            'Pass "hard_fraction": 0.25 to the sampler to draw some all the same. More training triples or types of '
            "entities (--entity-types) may give the guard more to go by.",
        )
    return None


def training_snippet(metadata: Mapping[str, Any], folder: str) -> str:
    """Write an example program that trains with pools.

    :param metadata: the pools' metadata
    :param folder: the folder of the pools
    :return: Python code; :func:`why_none_are_drawn` tells whether it draws mined negatives
    """
    dataset = metadata.get("dataset")
    names = {number: name for name, number in SIDES.items()}
    sides = [names[side] for side in metadata["sides"]]
    return _EXAMPLE.format(
        # the triples must have the labels and ids of the pools
        data=f"dataset={json.dumps(dataset)},"
        if dataset is not None
        else 'training="train.tsv",  # the triples that were mined\n    testing="test.tsv",',
        folder=json.dumps(folder),
        # the sampler's default is heads and tails
        scheme="" if sides == ["head", "tail"] else f'\n        "corruption_scheme": {json.dumps(sides)},',
    )


def pool_card(metadata: Mapping[str, Any], num_triples: int, num_negatives: int, has_scores: bool = False) -> str:
    """Write the page.

    :param metadata: the pools' metadata
    :param num_triples: the number of training triples
    :param num_negatives: the number of negatives
    :param has_scores: whether the exact scores of the negatives were kept
    :return: Markdown, with a header in YAML
    """
    from huggingface_hub import DatasetCardData  # which reading pools can do without

    dataset = metadata.get("dataset")
    dataset = None if dataset is None else _on_one_line(dataset)
    title = "Negatives for a knowledge graph" if dataset is None else f"Negatives for the knowledge graph {dataset}"
    header = DatasetCardData(
        pretty_name=title,
        license="unknown",
        tags=["knowledge-graph", "link-prediction", "negative-sampling", "pykeen"],
        size_categories=[next((name for limit, name in _SIZES if num_negatives < limit), "n>1T")],
    )
    coverage = metadata.get("statistics", {}).get("coverage")
    names = {number: name for name, number in SIDES.items()}
    guarded = metadata.get("statistics", {}).get("guard") is not None
    return f"---\n{header.to_yaml()}\n---\n\n" + _CARD.format(
        title=title,
        snippet=training_snippet(metadata, "the path of this folder"),
        drawn=_drawn(metadata, num_negatives),
        credit=_credit(metadata, guarded),
        negatives=counted(num_negatives, "plausible false triple" if guarded else "corruption"),
        triples=counted(num_triples, "training triple"),
        entities=counted(metadata["num_entities"], "entity", "entities"),
        relations=counted(metadata["num_relations"], "relation"),
        coverage="" if coverage is None else f"; {coverage:.1%} of the triples have negatives",
        sides=" or ".join(names[side] for side in metadata["sides"]),
        made=_made(metadata),
        trust=_trust(metadata),
        arrays="hardness, exact scores and risk" if has_scores else "hardness and risk",
    )


def public_spelling(value: Any) -> Any:
    """Spell the name of an encoder or ranker as commands and documentation do.

    :param value: any setting
    :return: the setting; names with their hyphens

    >>> public_spelling("sentencetransformer"), public_spelling("probe"), public_spelling(32)
    ('sentence-transformer', 'probe', 32)
    """
    return _SPELLINGS.get(value, value) if isinstance(value, str) else value


def _drawn(metadata: Mapping[str, Any], num_negatives: int) -> str:
    """Describe what the example draws."""
    none = why_none_are_drawn(metadata, num_negatives)
    if none is not None:
        return f"No mined negatives are drawn by default: {none.because}. {none.remedy}"
    return (
        "A share of the positives of each batch gets its negatives from these pools, the others random ones. The\n"
        "sampler's `hard_fraction` says how large that share is."
    )


def _on_one_line(value: Any) -> str:
    """Write a value on one line, with all characters visible."""
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
    # a setting with parameters is a pair of its name and these
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
            "Each scores below the threshold of its relation, at which the ranker takes a triple for true. No "
            "guard has judged how likely each is true."
            if metadata.get("settings", {}).get("guard") == "thresholds"
            else "No guard has judged them."
        )
        return f"{judged} A graph is incomplete, and the hardest negatives are most likely to be true after all."
    measured, highest = guard["proposed"], metadata.get("max_mined_risk")
    limit = (
        ""
        if highest is None
        else (f" None is more than {highest:.2g} times as likely true as a random corruption, as far as it can tell.")
    )
    return (
        f"A guard was trained on {counted(guard['hidden_triples'], 'training triple')} that were hidden from "
        f"the models that assess candidates. Among candidates, it tells hidden triples from others with an AUC of "
        f"{measured.get('auc', float('nan')):.3f}.{limit} A graph is incomplete: some negatives are true all the same."
    )
