"""Known triples that are not trained on are never drawn as negatives, and some relations get other settings."""

from pykeen.pipeline import pipeline

result = pipeline(
    dataset="nations",
    model="PairRE",
    negative_sampler="negater",
    negative_sampler_kwargs={
        "num_negs_per_pos": 8,
        "known_triples": [("brazil", "embassy", "cuba"), ("cuba", "embassy", "brazil")],  # or a file
        "relation_overrides": {"embassy": {"hard_fraction": 0.5}, "militaryalliance": {"max_risk": 1.0}},
    },
    training_kwargs={"num_epochs": 20, "use_tqdm": False},
    evaluation_kwargs={"use_tqdm": False},
    random_seed=0,
)
print(f"MRR {result.get_metric('mrr'):.3f}")
