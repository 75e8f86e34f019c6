"""What relation encoders are trained with and tested on."""

import json
from pathlib import Path

import numpy as np

from pykeen_negater.relations.encoder import RelationEncoder
from pykeen_negater.relations.training.data import RelationPairs

#: The tiny BERT, whose tokens are letters, has no room for a longer one
TEMPLATE = "<subj> <mask> <obj>"


def make_relation_pairs() -> RelationPairs:
    """Make relation types: a letter and a digit, two letters, two digits, and so on."""
    generator = np.random.default_rng(0)

    def draw(first: str, second: str) -> tuple[tuple[str, str], ...]:
        """Draw five pairs."""
        pairs = [(a * (1 + i % 3), b) for i, a in enumerate(first) for b in second]
        return tuple(pairs[row] for row in generator.permutation(len(pairs))[:5])

    letters, digits, others = "abcdef", "123456", "uvwxyz"
    positives = {
        "1/a": draw(letters, digits),
        "1/b": draw(letters, letters),
        "2/a": draw(digits, digits),
        "2/b": draw(others, letters),
    }
    negatives = {name: tuple((tail, head) for head, tail in pairs[:2]) for name, pairs in positives.items()}
    return RelationPairs(positives, negatives, {"1": ("1/a", "1/b"), "2": ("2/a", "2/b")})


def write_tasks(folder: Path) -> dict[str, Path]:
    """Write data of all three evaluations.

    :param folder: a folder to make
    :return: a file or folder of each, by name
    """
    lexical = folder / "LEX"
    lexical.mkdir(parents=True)
    rows = "dog\tanimal\thyper\noak\tplant\thyper\ncat\tdog\tcoord\noak\telm\tcoord\n"
    for name in ("train", "val", "test"):
        lexical.joinpath(f"{name}.tsv").write_text(rows, encoding="utf-8")
    stem, choices = ["dog", "animal"], [["cat", "dog"], ["oak", "plant"], ["bone", "dog"]]
    question = {"stem": stem, "answer": 1, "choice": choices, "prefix": "hyper"}
    analogies = folder / "analogies.jsonl"
    analogies.write_text(2 * f"{json.dumps(question)}\n", encoding="utf-8")
    problem = {"source": ["sun", "planet", "gravity"], "target": ["nucleus", "electron", "charge"]}
    mapping = folder / "mapping.jsonl"
    mapping.write_text(json.dumps(problem) + "\n", encoding="utf-8")
    return {"analogies": analogies, "lexical relations": lexical, "relation mapping": mapping}


def save_trained(language_model: str, folder: Path) -> Path:
    """Make a checkpoint that differs from the language model that it was trained from.

    :param language_model: that model
    :param folder: the folder to write it to
    :return: the folder
    """
    encoder = RelationEncoder(language_model, template=TEMPLATE, aggregation="mask")
    for parameter in encoder.language_model.parameters():
        parameter.data += 0.1
    encoder.save(folder)
    folder.joinpath("finetuning_config.json").write_text(json.dumps({"model": language_model}), encoding="utf-8")
    return folder


def read_word2vec(path: Path) -> dict[str, np.ndarray]:
    """Read vectors in word2vec's text format, line by line, as gensim does.

    :param path: the file
    :return: the vectors by word
    """
    vectors = {}
    with path.open(encoding="utf-8", newline="\n") as file:
        count, dim = map(int, file.readline().split())
        for _ in range(count):
            word, *numbers = file.readline().rstrip().split(" ")
            assert len(numbers) == dim
            vectors[word] = np.array(numbers, dtype=np.float32)
        assert not file.read()
    assert len(vectors) == count
    return vectors
