"""Names entities and relations by their texts, where files of triples hold ids, as NegatER's do."""

from dataclasses import replace

import numpy as np

from ..triples.graphs import Graph, Labels, label_to_id
from ..triples.held_out import HeldOut
from ..triples.indexing import HEAD, RELATION, TAIL
from .labels import looks_opaque
from .loading import Texts

__all__ = [
    "entity_ids",
    "name_by_text",
    "relation_ids",
]


def entity_ids(graph: Graph, texts: Texts | None) -> dict[str, int]:
    """Map the names that a file may use for entities to their ids.

    :param graph: the graph
    :param texts: its texts, if there are any
    :return: the ids by labels and texts
    """
    return _ids(graph.entity_labels, () if texts is None else texts.entities[: graph.num_entities])


def relation_ids(graph: Graph, texts: Texts | None) -> dict[str, int]:
    """Map the names that a file may use for relations to their ids.

    :param graph: the graph
    :param texts: its texts, if there are any
    :return: the ids by labels and texts
    """
    return _ids(graph.relation_labels, () if texts is None else texts.relations)


def _ids(labels: Labels | None, texts: tuple[str, ...]) -> dict[str, int]:
    # ids without a label have no name; a name that several share is the first one's
    by_label = list(label_to_id(labels or ()).items())
    by_text = [(text, i) for i, text in enumerate(texts) if labels is None or labels[i] is not None]
    # a label comes before a text, unless labels are numbers or the like
    named = by_text + by_label if looks_opaque([label for label, _ in by_label]) else by_label + by_text
    return dict(reversed(named))


def name_by_text(graph: Graph, held_out: HeldOut, texts: Texts) -> tuple[Graph, HeldOut, Texts]:
    """Use texts as labels, as if the triples had been written with them; ids whose texts are equal are merged.

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
        """Replace the ids of triples by the new ones."""
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
