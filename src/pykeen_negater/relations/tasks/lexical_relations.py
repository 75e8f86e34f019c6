"""Lexical relation classification: tell hypernyms from parts, attributes, and so on.

A folder of data has ``train.tsv`` and ``test.tsv``, and may have ``val.tsv``, without header: word TAB word TAB label.
"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score, precision_recall_fscore_support
from sklearn.neural_network import MLPClassifier
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.parallel import Parallel, delayed
from tqdm.auto import tqdm

from ...triples.tables import read_rows
from ..pair_vectors import PairEncoder, embed

__all__ = [
    "LabelledPairs",
    "LexicalRelations",
    "classifier_grid",
    "evaluate_lexical_relations",
    "read_lexical_relations",
]


@dataclass(frozen=True)
class LabelledPairs:
    """Pairs of words with their relations."""

    #: Heads and tails; n of them
    pairs: tuple[tuple[str, str], ...]

    #: The names of their relations; n of them
    labels: tuple[str, ...]


@dataclass(frozen=True)
class LexicalRelations:
    """The data of lexical relation classification."""

    train: LabelledPairs
    test: LabelledPairs
    validation: LabelledPairs | None = None

    def __post_init__(self) -> None:
        """Check the labels.

        :raises ValueError: if there is only one training label, or other labels occur in validation or test
        """
        known = set(self.train.labels)
        if len(known) < 2:
            raise ValueError(f"found the label(s) {sorted(known)} to train with, expected at least two.")
        for name, part in (("validation", self.validation), ("test", self.test)):
            unknown = set() if part is None else set(part.labels) - known
            if unknown:
                raise ValueError(
                    f"found the {name} label(s) {sorted(unknown)}, expected those to train with: {sorted(known)}."
                )


def read_lexical_relations(folder: str | Path) -> LexicalRelations:
    """Read the data of lexical relation classification.

    :param folder: a folder with ``train.tsv``, ``test.tsv`` and perhaps ``val.tsv``
    :return: the data
    :raises FileNotFoundError: if there is no such file
    :raises ValueError: if a row does not have three columns, none of them empty, a file has no row, or ``train.tsv``
        lacks labels of the others
    """
    folder = Path(folder)
    validation = folder / "val.tsv"
    train, test = (_read(folder / f"{name}.tsv") for name in ("train", "test"))
    try:
        return LexicalRelations(train, test, _read(validation) if validation.is_file() else None)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def _read(path: Path) -> LabelledPairs:
    rows = []
    for number, fields in read_rows(path, columns=[3]):
        if not all(field.strip() for field in fields):
            raise ValueError(f"{path}, line {number}: found an empty column, expected two words and a label.")
        rows.append(fields)
    if not rows:
        raise ValueError(f"{path} is empty, expected two words and a label per line.")
    return LabelledPairs(tuple((head, tail) for head, tail, _ in rows), tuple(label for *_, label in rows))


def classifier_grid(
    learning_rates: Iterable[float] = (1e-3, 1e-4, 1e-5), hidden_sizes: Iterable[int] = (100, 150, 200)
) -> list[dict[str, Any]]:
    """Combine parameters of the classifier.

    :param learning_rates: > 0, its learning rates; by default RelBERT's
    :param hidden_sizes: > 0, the sizes of its hidden layer; by default RelBERT's
    :return: all combinations, as parameters of :class:`sklearn.neural_network.MLPClassifier`
    """
    return [
        {"learning_rate_init": rate, "hidden_layer_sizes": size} for rate, size in product(learning_rates, hidden_sizes)
    ]


def evaluate_lexical_relations(
    encoder: PairEncoder,
    data: LexicalRelations,
    grid: Iterable[Mapping[str, Any]] | None = None,
    seed: int = 0,
    n_jobs: int = 1,
) -> dict[str, Any]:
    """Train a classifier on the vectors of pairs and of the swapped pairs, and test it.

    Of a grid of classifiers, the one with the best micro-F1 on the validation pairs is tested, the first of equals.
    Without validation pairs, scikit-learn's default classifier is tested. All compute in double precision, as in the
    original.

    :param encoder: the encoder
    :param data: the data
    :param grid: parameters of :class:`sklearn.neural_network.MLPClassifier`; by default RelBERT's grid, see
        :func:`classifier_grid`
    :param seed: the seed of the classifiers
    :param n_jobs: the number of processes, each of which trains one classifier at a time; -1 for as many as there are
        processors
    :return: a JSON-native report: ``accuracy``, micro- and macro-averaged precision, recall and F1 (``micro_f1``,
        ``macro_f1`` and so on), all in [0, 1]; the same for each label (``by_label``); the ``classifier`` and, where
        there are validation pairs, its micro-F1 there (``validation_micro_f1``)
    :raises ValueError: if the grid is empty
    """
    validation = data.validation
    candidates = list(classifier_grid() if grid is None else grid) if validation is not None else [{}]
    if not candidates:
        raise ValueError("found an empty grid, expected the parameters of at least one classifier.")
    parts = [part for part in (data.train, data.test, validation) if part is not None]
    pairs = [pair for part in parts for pair in part.pairs]
    vectors = embed(encoder, pairs + [(tail, head) for head, tail in pairs])
    # in single precision, another classifier of the grid may be the best
    features = np.concatenate(np.split(vectors.astype(np.float64), 2), axis=1)
    train, test, *rest = np.split(features, np.cumsum([len(part.pairs) for part in parts])[:-1])
    with warnings.catch_warnings():
        # the lowest learning rates of the grid do not converge within scikit-learn's default of 200 iterations
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitting = Parallel(n_jobs=n_jobs, return_as="generator")(
            delayed(MLPClassifier(random_state=seed, **parameters).fit)(train, data.train.labels)
            for parameters in candidates
        )
        classifiers = list(tqdm(fitting, total=len(candidates), desc="Training classifiers", leave=False))
    report: dict[str, Any] = {}
    best = 0
    if validation is not None:
        scores = [
            f1_score(validation.labels, classifier.predict(rest[0]), average="micro") for classifier in classifiers
        ]
        best = int(np.argmax(scores))
        report["validation_micro_f1"] = float(scores[best])
    predicted = classifiers[best].predict(test)
    return {
        "accuracy": float((predicted == np.array(data.test.labels)).mean()),
        **_measure(data.test.labels, predicted),
        **report,
        "classifier": {**candidates[best], "iterations": classifiers[best].n_iter_},
    }


def _measure(labels: tuple[str, ...], predicted: np.ndarray) -> dict[str, Any]:
    names = ("precision", "recall", "f1")
    report: dict[str, Any] = {}
    for average in ("micro", "macro"):
        *values, _ = precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
        report |= {f"{average}_{name}": float(value) for name, value in zip(names, values, strict=True)}
    *columns, support = precision_recall_fscore_support(labels, predicted, zero_division=0)
    report["by_label"] = {
        str(label): {**dict(zip(names, map(float, values), strict=True)), "support": int(count)}
        for label, values, count in zip(
            unique_labels(labels, predicted), zip(*columns, strict=True), support, strict=True
        )
    }
    return report
