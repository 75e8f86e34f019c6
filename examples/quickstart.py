"""The shortest use: one word of a PyKEEN pipeline changes, and nothing of the plugin is imported."""

from pykeen.pipeline import pipeline

result = pipeline(
    dataset="nations",
    model="PairRE",
    negative_sampler="negater",
    training_kwargs={"num_epochs": 50, "use_tqdm": False},
    evaluation_kwargs={"use_tqdm": False},
    random_seed=0,
)
print(f"MRR {result.get_metric('mrr'):.3f}, Hits@1 {result.get_metric('hits_at_1'):.3f}")
