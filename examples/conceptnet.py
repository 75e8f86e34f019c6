"""NegatER's ConceptNet by name, and a model that tells its true triples from human-annotated false ones."""

from pykeen.datasets import get_dataset
from pykeen.pipeline import pipeline

from pykeen_negater import TripleClassificationEvaluator

dataset = get_dataset(dataset="conceptnettrueneg")  # downloaded once
false = {"validation": dataset.validation_negatives, "testing": dataset.testing_negatives}
for name, negatives in false.items():
    print(f"{name}: {dataset.factory_dict[name].num_triples:,} true triples, {negatives.num_triples:,} false ones")

result = pipeline(
    dataset=dataset,
    model="PairRE",
    negative_sampler="negater",
    negative_sampler_kwargs={"num_negs_per_pos": 16, "loop_fraction": 0.0},
    loss="nssa",
    training_kwargs={"num_epochs": 20, "use_tqdm": False},
    evaluation_kwargs={"use_tqdm": False},
    random_seed=0,
)

evaluator = TripleClassificationEvaluator(dataset.validation.mapped_triples, false["validation"].mapped_triples)
figures = evaluator.evaluate(result.model, dataset.testing.mapped_triples, false["testing"].mapped_triples)
print(f"accuracy {figures['accuracy']:.3f}, ROC-AUC {figures['roc_auc']:.3f}")
