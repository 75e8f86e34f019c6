"""From pairs of words to negatives: encode pairs, train the encoder, and rank corruptions of Nations with it.

It takes a few minutes on two cores, most of them for training and mining. A second run mines nothing.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from pykeen.datasets import get_dataset
from pykeen.pipeline import pipeline
from sklearn.metrics.pairwise import cosine_similarity

from pykeen_negater import mine
from pykeen_negater.pools.exports import sentences
from pykeen_negater.relations import RelationEncoder, RelationPairs, RelationTrainingSettings, train_relation_encoder

EPOCHS = 20

STEM = ["Tokyo", "Japan"]
CHOICES = [["Paris", "France"], ["Paris", "London"], ["puppy", "dog"], ["wheel", "car"]]

#: Pairs by relation type; the pairs of one type are negatives of the others
TYPES = {
    "capital of": ["Rome Italy", "Berlin Germany", "Madrid Spain", "Vienna Austria", "Lisbon Portugal", "Cairo Egypt"],
    "young of": ["kitten cat", "calf cow", "lamb sheep", "foal horse", "chick hen", "piglet pig"],
    "part of": ["roof house", "leaf tree", "keyboard computer", "finger hand", "page book", "sail ship"],
    "both cities": ["Rome Berlin", "Madrid Vienna", "Lisbon Cairo", "London Rome", "Berlin Lisbon", "Vienna London"],
    "opposite of": ["hot cold", "big small", "rich poor", "early late", "light dark", "loud quiet"],
    "made of": ["bread flour", "window glass", "shirt cotton", "coin metal", "table wood", "candle wax"],
}


def show(title: str, encoder: RelationEncoder) -> None:
    """Print how similar the choices are to the stem."""
    similarities = cosine_similarity([encoder.get_embedding(STEM)], encoder.get_embedding(CHOICES))[0]
    print(f"\n{title}: what relates as {' and '.join(STEM)} do?")
    for choice, similarity in zip(CHOICES, similarities, strict=True):
        print(f"  {similarity:6.3f}  {' and '.join(choice)}")


with TemporaryDirectory() as folder:
    show("MiniLM as it is", RelationEncoder())
    pairs = RelationPairs({name: tuple(tuple(pair.split()) for pair in examples) for name, examples in TYPES.items()})
    settings = RelationTrainingSettings(
        relations_per_step=6, num_positive=6, learning_rate=1e-4, epochs=EPOCHS, validation_share=0.0
    )
    model = Path(folder, "relations.model")
    train_relation_encoder(None, pairs, model, settings)
    show(f"After {EPOCHS} epochs", RelationEncoder(model))

    mining = {"ranker": "relation-embedding", "ranker_kwargs": {"model": str(model)}}
    pools = mine(triples_factory=get_dataset(dataset="nations").training, **mining)
    print("\nSome of the hardest negatives, by how much head and tail relate as they should:")
    hardest = [lines[0] for lines in sentences(pools).values() if lines]
    for line in hardest[:8]:
        print(f"  {line}")

    result = pipeline(
        dataset="nations",
        model="PairRE",
        negative_sampler="negater",
        negative_sampler_kwargs={"num_negs_per_pos": 8, **mining},
        training_kwargs={"num_epochs": 20, "use_tqdm": False},
        evaluation_kwargs={"use_tqdm": False},
        random_seed=0,
    )
    print(f"\nPairRE trained with them: MRR {result.get_metric('mrr'):.3f}")
