"""Inverse triples: each relation is trained in both directions, and a mined negative keeps its direction."""

from pykeen.pipeline import pipeline

result = pipeline(
    dataset="nations",
    dataset_kwargs={"create_inverse_triples": True},
    model="DistMult",
    negative_sampler="negater",
    negative_sampler_kwargs={"num_negs_per_pos": 8},
    training_kwargs={"num_epochs": 20, "use_tqdm": False},
    evaluation_kwargs={"use_tqdm": False},
    random_seed=0,
)
training = result.training
print(f"{training.real_num_relations} relations, {training.num_relations} with inverse ones")
print(f"MRR {result.get_metric('mrr'):.3f}")
