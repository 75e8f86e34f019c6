"""Describes in words how one vocabulary differs from another."""

from collections.abc import Sequence

from ..triples.graphs import Graph, Labels, label_to_id
from .files import Vocabulary

__all__ = [
    "describe_differences",
]

#: The most labels of each kind that are named
_FEW = 3


def describe_differences(vocabulary: Vocabulary, graph: Graph) -> str | None:
    """Describe how the meaning of the ids of pools differs from that of a graph's ids.

    :param vocabulary: the labels of the pools
    :param graph: the graph
    :return: the number of labels that only one of them has, with the first of these, or the first labels with different
        ids; None if one of them has no labels, or these do not differ
    """
    kinds = (
        ("entities", vocabulary.entity_labels, graph.entity_labels),
        ("relations", vocabulary.relation_labels, graph.relation_labels),
    )
    found = [
        part
        for kind, theirs, ours in kinds
        if theirs is not None and ours is not None
        for part in _of(kind, theirs, ours)
    ]
    return "; ".join(found) or None


def _of(kind: str, theirs: Labels, ours: Labels) -> list[str]:
    pools, graph = label_to_id(theirs), label_to_id(ours)
    found = []
    for whose, own, other in (("the pools'", pools, graph), ("the graph's", graph, pools)):
        missing = [label for label in own if label not in other]
        if missing:
            found.append(f"{len(missing):,} of {whose} {len(own):,} {kind} are only there ({_examples(missing)})")
    if not found:
        moved = [label for label, i in pools.items() if graph[label] != i]
        if moved:
            examples = ", ".join(f"{label!r} is {pools[label]} there and {graph[label]} here" for label in moved[:_FEW])
            found.append(f"{len(moved):,} of {len(pools):,} {kind} have other ids ({examples})")
    return found


def _examples(labels: Sequence[str]) -> str:
    return ", ".join(map(repr, labels[:_FEW])) + (", …" if len(labels) > _FEW else "")
