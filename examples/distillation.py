"""Teach a model which answers are likely, beside the negatives."""

from pykeen.pipeline import pipeline

from pykeen_negater import NegatERTrainingCallback

result = pipeline(
    dataset="nations",
    model="TransE",
    negative_sampler="negater",
    training_kwargs={"callbacks": NegatERTrainingCallback},
)
print(f"MRR {result.get_metric('mrr'):.3f}")
