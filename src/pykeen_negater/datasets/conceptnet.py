"""NegatER's two parts of ConceptNet as PyKEEN datasets, with human-annotated false triples [safavi2021]_.

The files are downloaded once from NegatER's public repository to PyKEEN's data folder. They hold ids; the labels here
are the phrases of these ids. Validation and test triples with phrases that training lacks are left out, as in all
PyKEEN datasets; ``negater fine-tune`` can use them.
"""

from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from docdata import parse_docdata
from pykeen.datasets.base import LazyDataset
from pykeen.triples import TriplesFactory
from pystow.utils import download

from ..storage.atomic_writing import atomic_file
from ..triples.tables import read_rows

__all__ = [
    "ConceptNetFull",
    "ConceptNetTrueNeg",
]

#: The URL of the files
BASE_URL = "https://raw.githubusercontent.com/tsafavi/NegatER/master/data/conceptnet"


class _ConceptNet(LazyDataset):
    """A part of ConceptNet with false triples for validation and test."""

    #: The folder of the files
    part: ClassVar[str]

    def __init__(
        self, create_inverse_triples: bool = False, cache_root: str | None = None, force: bool = False
    ) -> None:
        """Set where the files are kept; nothing is downloaded before it is needed.

        :param create_inverse_triples: whether the training triples get inverse ones
        :param cache_root: the folder for the files, by default one in PyKEEN's data folder
        :param force: whether to download files that are there already
        """
        self._create_inverse_triples = create_inverse_triples
        self._force = force
        self.cache_root = self._help_cache(cache_root)

    def _file(self, name: str) -> Path:
        path = self.cache_root / name
        if self._force or not path.is_file():
            with atomic_file(path) as unfinished:
                download(f"{BASE_URL}/{self.part}/{name}", unfinished, force=True)
        return path

    @cached_property
    def _phrases(self) -> list[dict[str, str]]:
        """The phrases of entities and of relations by their ids in the files."""
        return [
            {number: phrase for _, (number, phrase) in read_rows(self._file(f"{kind}_ids.txt"), columns=[2])}
            for kind in ("entity", "relation")
        ]

    def _read(self, name: str, training: TriplesFactory | None = None) -> TriplesFactory:
        entities, relations = self._phrases
        triples = [
            (entities[head], relations[relation], entities[tail])
            for _, (head, relation, tail) in read_rows(self._file(f"{name}.txt"), columns=[3])
        ]
        return TriplesFactory.from_labeled_triples(
            np.array(triples, dtype=object),
            create_inverse_triples=training is None and self._create_inverse_triples,
            entity_to_id=None if training is None else training.entity_to_id,
            relation_to_id=None if training is None else training.relation_to_id,
            filter_out_candidate_inverse_relations=False,
        )

    def _load(self) -> None:
        self._training = self._read("train")
        self._testing = self._read("test", self._training)

    def _load_validation(self) -> None:
        self._validation = self._read("valid", self.training)

    @cached_property
    def validation_negatives(self) -> TriplesFactory:
        """The false triples for validation, with the training triples' ids; those with other phrases are left out."""
        return self._read("valid_negatives", self.training)

    @cached_property
    def testing_negatives(self) -> TriplesFactory:
        """The false triples for testing, likewise."""
        return self._read("test_negatives", self.training)


@parse_docdata
class ConceptNetFull(_ConceptNet):
    """A sample of ConceptNet's English triples, with false triples for validation and test.

    ---
    name: ConceptNet (NegatER, full)
    citation:
        author: Safavi
        year: 2021
        link: https://aclanthology.org/2021.emnlp-main.456/
        github: tsafavi/NegatER
    statistics:
        entities: 78088
        relations: 34
        training: 100000
        testing: 1200
        validation: 1200
        triples: 102400
    """

    part = "full"


@parse_docdata
class ConceptNetTrueNeg(_ConceptNet):
    """Six of ConceptNet's relations, with human-annotated false triples.

    ---
    name: ConceptNet (NegatER, true-neg)
    citation:
        author: Safavi
        year: 2021
        link: https://aclanthology.org/2021.emnlp-main.456/
        github: tsafavi/NegatER
    statistics:
        entities: 35918
        relations: 6
        training: 36210
        testing: 1639
        validation: 1639
        triples: 39488
    """

    part = "true-neg"
