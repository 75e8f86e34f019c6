"""Measures the negatives of samplers, and how well a model tells true triples from false ones."""

import torch
from pykeen.datasets import Nations
from pykeen.pipeline import pipeline
from pykeen.sampling import BasicNegativeSampler

from pykeen_negater import TripleClassificationEvaluator, evaluate_sampler

dataset = Nations()
for sampler in ("basic", "negater"):
    report = evaluate_sampler(sampler, dataset)
    print(f"{sampler}: {report.false_negatives:.1%} false negatives, {report.known_positives:.1%} training triples")

result = pipeline(
    dataset=dataset,
    model="PairRE",
    negative_sampler="negater",
    negative_sampler_kwargs={"num_negs_per_pos": 8},
    training_kwargs={"num_epochs": 50, "use_tqdm": False},
    evaluation_kwargs={"use_tqdm": False},
    random_seed=0,
)

# Nations is complete, so that triples that it lacks are false; for other graphs, people have to verify false ones
everything = torch.cat([factory.mapped_triples for factory in dataset.factory_dict.values()])
corrupt = BasicNegativeSampler(mapped_triples=everything, filtered=True, filterer="exact")
true = {name: dataset.factory_dict[name].mapped_triples for name in ("validation", "testing")}
drawn = {name: corrupt.sample(triples) for name, triples in true.items()}
false = {name: negatives[kept] for name, (negatives, kept) in drawn.items()}

evaluator = TripleClassificationEvaluator(true["validation"], false["validation"])
for name, value in evaluator.evaluate(result.model, true["testing"], false["testing"]).items():
    print(f"{name}: {value:.3f}")
