"""Exact gradient magnitudes: in batches, and one triple at a time as the original does, side by side.

Run: NEGATER_DATA=... python benchmarks/gradients_cost.py

Both get the same model and the same candidates of UMLS, and take turns. The original pads every triple to 32 tokens.
"""

import time
from statistics import median

import click
import numpy as np
import torch
from common import load, write
from transformers import AutoTokenizer

from pykeen_negater.candidates import SlotCandidateGenerator
from pykeen_negater.classifier import TripleClassifier
from pykeen_negater.encoders import encoder_resolver
from pykeen_negater.gradients import gradient_magnitudes
from pykeen_negater.graphs import Graph
from pykeen_negater.language_models import require_language_model
from pykeen_negater.neighbors import NeighborIndex
from pykeen_negater.texts import load_texts
from pykeen_negater.tokenization import TripleTokenizer

#: How many tokens the original pads every triple to
LENGTH = 32


def one_by_one(model: TripleClassifier, tokenizer: TripleTokenizer, triples: np.ndarray) -> np.ndarray:
    """Compute magnitudes as the original does."""
    magnitudes = []
    for triple in triples:
        inputs = tokenizer.pad([tokenizer.encode(triple)])
        room = LENGTH - inputs["input_ids"].shape[1]
        padded = {
            name: torch.nn.functional.pad(tensor, (0, room), value=tokenizer.padding if name == "input_ids" else 0)
            for name, tensor in inputs.items()
        }
        model.zero_grad()
        model(**padded, labels=torch.ones(1)).loss.backward()
        magnitudes.append(sum(float(x.grad.norm()) for x in model.parameters() if x.grad is not None))
    return np.array(magnitudes)


@click.command()
@click.option("--dataset", default="umls")
@click.option("--triples", "count", default=256, help="The number of triples in a turn.")
@click.option("--turns", default=5)
def main(dataset: str, count: int, turns: int) -> None:
    """Measure and write."""
    data, paths = load(dataset)
    graph = Graph.from_factory(data.training)
    texts = load_texts(graph, **paths)
    name = require_language_model()
    torch.manual_seed(0)
    model = TripleClassifier.from_language_model(name, max_length=LENGTH).eval()
    tokenizer = TripleTokenizer(AutoTokenizer.from_pretrained(name), texts, LENGTH)
    vectors = encoder_resolver.make("structural").encode(graph, texts)
    candidates = SlotCandidateGenerator(k=10).generate(graph, NeighborIndex.build(vectors)).unique_triples
    generator = np.random.default_rng(0)
    ratios, errors = [], []
    for _ in range(turns):
        triples = candidates[generator.permutation(len(candidates))[:count]]
        start = time.perf_counter()
        expected = one_by_one(model, tokenizer, triples)
        middle = time.perf_counter()
        found = gradient_magnitudes(model, tokenizer, triples)
        ratios.append((middle - start) / (time.perf_counter() - middle))
        errors.append(np.max(np.abs(found - expected) / expected))
    row = {"dataset": dataset, "triples": count, "times faster": round(median(ratios), 2), "error": max(errors)}
    write("gradients_cost", [row])


if __name__ == "__main__":
    main()
