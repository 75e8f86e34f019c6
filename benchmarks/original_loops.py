"""NegatER's loops as it runs them, and ours, side by side: the same model, the same inputs, the same results.

Run: NEGATER_DATA=... CUDA_VISIBLE_DEVICES= OMP_NUM_THREADS=1 python benchmarks/original_loops.py [--part scoring ...]

The loops are written anew from what the original does: it pads every triple to 32 tokens in batches of 16, computes
gradients one triple at a time, and takes the difference of a whole slot and the known triples for each corruption. They
share our tokenizer, which favours them. Both take turns; the median of the turns' ratios counts.
"""

import copy
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import click
import numpy as np
import torch
from common import append, data_folder
from pykeen.triples import TriplesFactory
from scipy.stats import spearmanr
from torch import Tensor
from transformers import AutoTokenizer, get_linear_schedule_with_warmup

from pykeen_negater.candidates.generators import IntersectCandidateGenerator, RandomCandidateGenerator
from pykeen_negater.corruption.corruptions import RandomCorruptor
from pykeen_negater.embeddings.neighbors import NeighborIndex
from pykeen_negater.fine_tuning.classifier import TripleClassifier, load_classifier, score_triples
from pykeen_negater.fine_tuning.gradients import gradient_magnitudes
from pykeen_negater.fine_tuning.settings import FineTuningSettings
from pykeen_negater.fine_tuning.thresholds import Thresholds
from pykeen_negater.fine_tuning.tokenization import TripleTokenizer
from pykeen_negater.fine_tuning.trainer import _Examples, _train, fine_tune, split_training
from pykeen_negater.texts.language_models import require_language_model
from pykeen_negater.texts.loading import load_texts
from pykeen_negater.triples.graphs import Graph
from pykeen_negater.triples.indexing import HEAD, RELATION, TAIL
from pykeen_negater.triples.labelled import LabelledTriples
from pykeen_negater.triples.tables import read_rows, read_triples

#: What the original pads every triple to, its batch size, and the number of neighbours
LENGTH, BATCH_SIZE, K = 32, 16, 10

#: The number of turns, and of triples that the original and we get in a turn
TURNS = 5
CANDIDATES_PER_TURN, SCORED_PER_TURN, GRADIENTS_PER_TURN, OUR_GRADIENTS_PER_TURN = 4_000, 512, 32, 512

#: Fine-tuning: paired seeds, positives, and how many true and as many false triples choose the epoch
SEEDS, POSITIVES, VALIDATION = 3, 1_000, 400

#: Peak memory: candidates that are held, and those that are scored
HELD, SCORED = 200_000, 20_000

#: A process that holds candidates and scores some of them
SCORE_MANY = "import original_loops; original_loops.score_many()"

Triple = tuple[int, int, int]


class GivenNeighbors(NeighborIndex):
    """Neighbours that were searched before."""

    def __init__(self, index: NeighborIndex) -> None:
        """Search the neighbours of all entities."""
        super().__init__(index.vectors, index.metric, index.factory)
        self.neighbors, self.found_distances = index.search(np.arange(len(index)), K)

    def search(self, queries: np.ndarray, k: int, among: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Look up."""
        assert among is None
        assert k == K
        return self.neighbors[queries], self.found_distances[queries]


@cache
def conceptnet() -> tuple[Graph, TripleTokenizer]:
    """Load ConceptNet and tokenize its phrases."""
    graph = Graph.from_factory(read_triples(data_folder() / "conceptnet-full" / "train.txt"))
    return graph, TripleTokenizer(hf_tokenizer(), load_texts(graph), LENGTH)


@cache
def hf_tokenizer() -> Any:
    """Load MiniLM's tokenizer."""
    return AutoTokenizer.from_pretrained(require_language_model())


@cache
def given_neighbors() -> GivenNeighbors:
    """Search neighbours by the mean of the embeddings of a phrase's tokens, which is quick and near to its meaning."""
    graph, _ = conceptnet()
    embeddings = TripleClassifier.from_language_model(require_language_model()).encoder.get_input_embeddings()
    tokens = hf_tokenizer()(list(graph.entity_labels), add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        vectors = [embeddings(torch.tensor(ids or [0])).mean(dim=0) for ids in tokens]
    return GivenNeighbors(NeighborIndex.build(torch.stack(vectors).numpy()))


@cache
def to_score() -> np.ndarray:
    """Generate candidates that need no neighbours."""
    graph, _ = conceptnet()
    index = NeighborIndex.build(np.ones((graph.num_entities, 1)))
    return RandomCandidateGenerator(k=2).generate(graph, index).unique_triples


@cache
def fine_tuned() -> TripleClassifier:
    """Fine-tune a model to score with, on a few triples."""
    graph, _ = conceptnet()
    with tempfile.TemporaryDirectory() as folder:
        settings = FineTuningSettings(max_training_triples=300)
        fine_tune(require_language_model(), graph, load_texts(graph), settings, Path(folder))
        return load_classifier(folder).cpu().eval()


def padded(tokenizer: TripleTokenizer, triples: np.ndarray) -> dict[str, Tensor]:
    """Make a batch in which every triple has the same length."""
    inputs = tokenizer.pad([tokenizer.encode(triple) for triple in triples])
    room = LENGTH - inputs["input_ids"].shape[1]
    return {
        name: torch.nn.functional.pad(tensor, (0, room), value=tokenizer.padding if name == "input_ids" else 0)
        for name, tensor in inputs.items()
    }


def seconds(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[float, Any]:
    """Time a call by the CPU's clock, which other processes disturb less."""
    start = time.process_time()
    result = function(*args, **kwargs)
    return time.process_time() - start, result


def turns(triples: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Draw the triples of each turn."""
    generator = np.random.default_rng(0)
    for _ in range(TURNS):
        yield triples[generator.choice(len(triples), size, replace=False)]


def report(what: str, ratios: list[float], equal: str, workload: str) -> None:
    """Add a row to the result file."""
    row = {"what": what, "times faster": round(median(ratios), 1), "equal": equal, "workload": workload, "seed": 0}
    append("original_loops", ["what"], row)
    print(row, flush=True)


class Slots:
    """What the loops over candidates look up."""

    def __init__(self, graph: Graph, neighbors: np.ndarray) -> None:
        """Make the dictionaries."""
        self.seen: dict[tuple[int, int], set[int]] = defaultdict(set)
        self.known: dict[Triple, set[int]] = defaultdict(set)
        for head, relation, tail in graph.triples.tolist():
            self.seen[relation, HEAD].add(head)
            self.seen[relation, TAIL].add(tail)
            self.known[-1, relation, tail].add(head)
            self.known[head, relation, -1].add(tail)
        self.neighbors = neighbors.tolist()

    def whole_slots(self, triples: list[Triple]) -> set[tuple[Triple, int, int]]:
        """Generate candidates as the original does: what is allowed in the slot, then the neighbours among it."""
        found = set()
        for head, relation, tail in triples:
            for side, query in ((HEAD, (-1, relation, tail)), (TAIL, (head, relation, -1))):
                allowed = self.seen[relation, side].difference(self.known[query] | {head, tail})
                near = set(self.neighbors[head if side == HEAD else tail])
                found.update(((head, relation, tail), side, other) for other in near & allowed)
        return found

    def neighbors_only(self, triples: list[Triple]) -> set[tuple[Triple, int, int]]:
        """Generate candidates as a frugal loop would: the neighbours, and for each whether it is allowed."""
        found = set()
        for head, relation, tail in triples:
            for side, query in ((HEAD, (-1, relation, tail)), (TAIL, (head, relation, -1))):
                seen, known = self.seen[relation, side], self.known[query]
                for other in self.neighbors[head if side == HEAD else tail]:
                    if other in seen and other not in known and other != head and other != tail:
                        found.add(((head, relation, tail), side, other))
        return found


def candidates() -> None:
    """Generate candidates: the loops for some triples, we for all of them."""
    graph, _ = conceptnet()
    slots = Slots(graph, given_neighbors().neighbors)
    generator = IntersectCandidateGenerator(k=K)
    ours = generator.generate(
        graph, given_neighbors()
    )  # which also looks up slots and known triples for the first time
    original = graph.triples[ours.positives]
    of_triple = defaultdict(set)
    for triple, side, other in zip(
        map(tuple, original.tolist()), ours.sides.tolist(), ours.replacements.tolist(), strict=True
    ):
        of_triple[triple].add((triple, side, other))
    ratios = defaultdict(list)
    for part in turns(graph.triples, CANDIDATES_PER_TURN):
        triples = list(map(tuple, part.tolist()))
        our_seconds, _ = seconds(generator.generate, graph, given_neighbors())
        for loop in (slots.whole_slots, slots.neighbors_only):
            loop_seconds, found = seconds(loop, triples)
            assert found == set().union(*(of_triple[triple] for triple in triples))
            ratios[loop.__name__].append(loop_seconds / len(triples) * len(graph) / our_seconds)
    equal = f"the same sets for {TURNS * CANDIDATES_PER_TURN:,} triples"
    workload = f"{len(ours):,} candidates of {len(graph):,} triples, of which the loop gets {CANDIDATES_PER_TURN:,}"
    report("candidates", ratios["whole_slots"], equal, workload)
    report("candidates, beside a loop over neighbours only", ratios["neighbors_only"], equal, workload)


def score_in_fixed_batches(model: TripleClassifier, tokenizer: TripleTokenizer, triples: np.ndarray) -> np.ndarray:
    """Score triples as the original does."""
    model.eval()
    with torch.no_grad():
        batches = [triples[start : start + BATCH_SIZE] for start in range(0, len(triples), BATCH_SIZE)]
        return np.concatenate([model(**padded(tokenizer, batch)).logits.numpy() for batch in batches])


def scoring() -> None:
    """Score candidates."""
    model, (_, tokenizer) = fine_tuned(), conceptnet()
    ratios, expected, found = defaultdict(list), [], defaultdict(list)
    for triples in turns(to_score(), SCORED_PER_TURN):
        loop_seconds, scores = seconds(score_in_fixed_batches, model, tokenizer, triples)
        expected.append(scores)
        for precision in ("fp32", "bf16"):
            our_seconds, scores = seconds(score_triples, model, tokenizer, triples, precision=precision)
            ratios[precision].append(loop_seconds / our_seconds)
            found[precision].append(scores)
    for precision, values in ratios.items():
        correlation = spearmanr(np.concatenate(expected), np.concatenate(found[precision])).statistic
        workload = f"{SCORED_PER_TURN} candidates in a turn"
        report(f"scoring, {precision}", values, f"rank correlation {correlation:.6f}", workload)


def one_by_one(model: TripleClassifier, tokenizer: TripleTokenizer, triples: np.ndarray) -> np.ndarray:
    """Compute gradient magnitudes as the original does."""
    magnitudes = []
    for triple in triples:
        model.zero_grad()
        model(**padded(tokenizer, triple[None]), labels=torch.ones(1)).loss.backward()
        magnitudes.append(sum(float(x.grad.norm()) for x in model.parameters() if x.grad is not None))
    model.zero_grad()
    return np.array(magnitudes)


def gradients() -> None:
    """Compute gradient magnitudes: the loop of some of the triples that we get."""
    model, (_, tokenizer) = fine_tuned(), conceptnet()
    ratios, expected, found = defaultdict(list), [], defaultdict(list)
    for triples in turns(to_score(), OUR_GRADIENTS_PER_TURN):
        loop_seconds, magnitudes = seconds(one_by_one, model, tokenizer, triples[:GRADIENTS_PER_TURN])
        expected.append(magnitudes)
        for precision in ("fp32", "bf16"):
            our_seconds, magnitudes = seconds(gradient_magnitudes, model, tokenizer, triples, precision=precision)
            ratios[precision].append(loop_seconds / GRADIENTS_PER_TURN / our_seconds * len(triples))
            found[precision].append(magnitudes)
    exact = np.concatenate(expected)
    error = np.max(np.abs(np.concatenate([x[:GRADIENTS_PER_TURN] for x in found["fp32"]]) - exact) / exact)
    correlation = spearmanr(*(np.concatenate(found[precision]) for precision in ("fp32", "bf16"))).statistic
    workload = f"{OUR_GRADIENTS_PER_TURN} candidates in a turn, of which the loop gets {GRADIENTS_PER_TURN}"
    report("gradients, fp32", ratios["fp32"], f"relative error at most {error:.1e}", workload)
    report("gradients, bf16", ratios["bf16"], f"rank correlation {correlation:.6f}", workload)


def train_plainly(
    model: TripleClassifier,
    tokenizer: TripleTokenizer,
    examples: _Examples,
    validation: LabelledTriples,
    settings: FineTuningSettings,
) -> None:
    """Fine-tune as the original does, with our learning rate and choice of the epoch."""
    decayed = [x for x in model.parameters() if x.ndim > 1]
    exempt = [x for x in model.parameters() if x.ndim == 1]
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": exempt, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, eps=1e-8)
    steps = settings.epochs * -(-len(examples) // BATCH_SIZE)
    schedule = get_linear_schedule_with_warmup(optimizer, round(settings.warmup * steps), steps)
    best, best_accuracy = model.state_dict(), -1.0
    for epoch in range(settings.epochs):
        examples.set_epoch(epoch)
        model.train()
        for rows in torch.randperm(len(examples)).split(BATCH_SIZE):
            optimizer.zero_grad()
            labels = torch.from_numpy(examples.examples.labels[rows])
            model(**padded(tokenizer, examples.examples.triples[rows]), labels=labels).loss.backward()
            optimizer.step()
            schedule.step()
        scores = score_in_fixed_batches(model, tokenizer, validation.triples)
        accuracy = accuracy_of(scores, validation, examples.corruptor.graph)
        if accuracy > best_accuracy:
            best, best_accuracy = copy.deepcopy(model.state_dict()), accuracy
    model.load_state_dict(best)


def train_ours(*arguments: Any) -> None:
    """Fine-tune as we do."""
    with tempfile.TemporaryDirectory() as checkpoints:
        _train(*arguments, Path(checkpoints), keep_epochs=False)


def prepared(
    graph: Graph, tokenizer: TripleTokenizer, settings: FineTuningSettings
) -> tuple[TripleClassifier, _Examples]:
    """Load what is trained, and what on: the same for both."""
    torch.manual_seed(settings.seed)
    model = TripleClassifier.from_language_model(require_language_model(), settings.pooling, settings.max_length)
    positives, _ = split_training(graph, settings, hold_out=False)
    return model, _Examples(RandomCorruptor(graph, in_slot_share=0.5), positives, tokenizer, settings, num_others=0)


def accuracy_of(scores: np.ndarray, examples: LabelledTriples, graph: Graph) -> float:
    """Classify with the best threshold of each relation."""
    relations = examples.triples[:, RELATION]
    return Thresholds.fit(scores, examples.labels, relations, graph.num_relations).accuracy(
        scores, examples.labels, relations
    )


def fine_tuning() -> None:
    """Train and choose the better epoch; accuracies are of all validation triples."""
    folder = data_folder() / "conceptnet-true-neg"
    splits = [
        np.array([fields for _, fields in read_rows(folder / f"{split}.txt", columns=[3])])
        for split in ("train", "valid", "valid_negatives")
    ]
    # most validation triples have a phrase that no training triple has
    labels = TriplesFactory.from_labeled_triples(np.concatenate(splits))
    ids = {"entity_to_id": labels.entity_to_id, "relation_to_id": labels.relation_to_id}
    training, *validation = (TriplesFactory.from_labeled_triples(split, **ids) for split in splits)
    graph = Graph.from_factory(training)
    tokenizer = TripleTokenizer(hf_tokenizer(), load_texts(graph), LENGTH)
    true, false = (triples.mapped_triples.numpy() for triples in validation)
    everything = LabelledTriples.combine(true, false)
    ratios, differences, accuracies = [], [], []
    for seed in range(SEEDS):
        settings = FineTuningSettings(
            batch_size=BATCH_SIZE, max_training_triples=POSITIVES, corruptions={"head": 1}, seed=seed
        )
        generator = np.random.default_rng(seed)
        chosen = LabelledTriples.combine(*(generator.permutation(triples)[:VALIDATION] for triples in (true, false)))
        ours, examples = prepared(graph, tokenizer, settings)
        our_seconds, _ = seconds(train_ours, ours, hf_tokenizer(), tokenizer, examples, chosen, settings)
        original, examples = prepared(graph, tokenizer, settings)
        loop_seconds, _ = seconds(train_plainly, original, tokenizer, examples, chosen, settings)
        ratios.append(loop_seconds / our_seconds)
        pair = [
            accuracy_of(score_triples(x, tokenizer, everything.triples), everything, graph) for x in (ours, original)
        ]
        differences.append(pair[0] - pair[1])
        accuracies.append(pair)
    error = stdev(differences) / len(differences) ** 0.5
    ours, original = (mean(column) for column in zip(*accuracies, strict=True))
    equal = f"validation accuracy {ours:.3f}, {original:.3f}: {mean(differences):+.3f}, standard error {error:.3f}"
    report("fine-tuning", ratios, equal, f"{POSITIVES} positives, {settings.epochs} epochs, {SEEDS} paired seeds")


def score_many() -> None:
    """Hold many candidates and score some of them, of all lengths."""
    _, tokenizer = conceptnet()
    held = to_score()[:HELD]
    assert len(held) == HELD
    by_length = np.argsort(-tokenizer.lengths(held), kind="stable")
    model = TripleClassifier.from_language_model(require_language_model())
    scores = score_triples(model, tokenizer, held[by_length[:: HELD // SCORED]])
    assert np.isfinite(scores).all()


def memory() -> None:
    """Measure the peak memory of a process that scores."""
    process = subprocess.Popen([sys.executable, "-c", SCORE_MANY], cwd=Path(__file__).parent)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    workload = f"{HELD:,} candidates held, {SCORED:,} of all lengths scored"
    row = {"what": "peak memory of scoring", "GiB": round(usage.ru_maxrss / 2**20, 2), "workload": workload, "seed": 0}
    append("original_loops", ["what"], row)
    print(row, flush=True)


PARTS = {part.__name__: part for part in (candidates, scoring, gradients, fine_tuning, memory)}


@click.command()
@click.option("--part", "parts", multiple=True, type=click.Choice(list(PARTS)), help="By default, all.")
def main(parts: tuple[str, ...]) -> None:
    """Measure and write."""
    for name in parts or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
