"""Let a trained model and a judge of the graph and its texts answer together."""

from pykeen.datasets import Nations
from pykeen.evaluation import RankBasedEvaluator
from pykeen.pipeline import pipeline

from pykeen_negater import blend

data = Nations()
model = pipeline(dataset=data, model="TransE", negative_sampler="negater").model

blended = blend(model, data.training, data.validation)

for name, it in (("model", model), ("blend", blended)):
    metrics = RankBasedEvaluator().evaluate(
        it,
        data.testing.mapped_triples,
        additional_filter_triples=[data.training.mapped_triples, data.validation.mapped_triples],
    )
    print(f"MRR of the {name}: {metrics.get_metric('mrr'):.3f}")
