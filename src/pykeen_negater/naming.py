"""Entities and relations called by their texts, where files of triples hold ids, as NegatER's do."""

from dataclasses import replace

import numpy as np

from .graphs import Graph
from .held_out import HeldOut
from .indexing import HEAD, RELATION, TAIL
from .texts import Texts

__all__ = [
    "name_by_text",
]


def name_by_text(graph: Graph, held_out: HeldOut, texts: Texts) -> tuple[Graph, HeldOut, Texts]:
    """Let texts be the labels, as if the triples had been written with them; what reads the same is the same.

    :param graph: the training triples
    :param held_out: other triples, with entities that the graph lacks
    :param texts: the texts of the graph's entities and relations, and of those other entities
    :return: a tuple (graph, held_out, texts) whose ids are in the order of PyKEEN's for triples with these labels, and
        whose texts are the labels
    """
    entities = tuple(sorted(set(texts.entities[: graph.num_entities])))
    relations = tuple(sorted(set(texts.relations)))
    entity_to_id = {text: i for i, text in enumerate(entities)}
    for text in texts.entities[graph.num_entities :]:
        entity_to_id.setdefault(text, len(entity_to_id))
    relation_to_id = {text: i for i, text in enumerate(relations)}
    new_entities = np.array([entity_to_id[text] for text in texts.entities])
    new_relations = np.array([relation_to_id[text] for text in texts.relations])

    def rename(triples: np.ndarray) -> np.ndarray:
        """Give triples their new ids."""
        columns = (new_entities[triples[:, HEAD]], new_relations[triples[:, RELATION]], new_entities[triples[:, TAIL]])
        return np.stack(columns, axis=1)

    others = tuple(entity_to_id)[len(entities) :]
    return (
        Graph.from_triples(rename(graph.triples), len(entities), len(relations), entities, relations),
        replace(
            held_out,
            triples={name: rename(triples) for name, triples in held_out.triples.items()},
            other_entities=others,
        ),
        Texts(entities + others, relations),
    )
