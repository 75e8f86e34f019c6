"""Where a trained model ranks well, how it ranks among plausible candidates, and how likely a triple is true."""

import torch
from pykeen.datasets import Nations
from pykeen.pipeline import pipeline

from pykeen_negater.evaluation.calibration import Calibration
from pykeen_negater.evaluation.plausible import draw_candidates, evaluate_plausible
from pykeen_negater.evaluation.strata import evaluate_strata
from pykeen_negater.triples.graphs import Graph

dataset = Nations()
model = pipeline(
    dataset=dataset,
    model="PairRE",
    training_kwargs={"num_epochs": 20, "use_tqdm": False},
    evaluation_kwargs={"use_tqdm": False},
    random_seed=0,
).model
training, validation, testing = (factory.mapped_triples for factory in dataset.factory_dict.values())
known = torch.cat([training, validation, testing])

# [strata]
print(evaluate_strata(model, training, testing, known).to_string(index=False))

# [plausible]
graph = Graph.from_factory(dataset.training)
candidates = draw_candidates(graph, testing, known)
print(evaluate_plausible(model, candidates, known).to_string(index=False))

# [calibration]
true, false = draw_candidates(graph, validation, known, num_candidates=1).pairs()
calibration = Calibration.fit(model, true, false)
report = calibration.evaluate(*candidates.pairs())
print(f"Brier score {report.brier:.3f}, expected calibration error {report.expected_calibration_error:.3f}")
print(f"The first test triple is true with a probability of {calibration.probabilities(testing[:1])[0]:.2f}")
