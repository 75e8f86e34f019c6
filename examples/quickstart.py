"""The shortest use: one word of a PyKEEN pipeline changes, and the plugin need not be imported."""

from pykeen.pipeline import pipeline

result = pipeline(
    dataset="umls",
    model="PairRE",
    loss="nssa",
    negative_sampler="negater",
    negative_sampler_kwargs={"num_negs_per_pos": 16},
    training_kwargs={"num_epochs": 20, "use_tqdm": False},
    evaluation_kwargs={"use_tqdm": False},
    random_seed=0,
)
print(f"MRR {result.get_metric('mrr'):.3f}, Hits@1 {result.get_metric('hits_at_1'):.3f}")
