"""Hyperparameters of sampling are searched; what would have to be mined anew stays as it is."""

import optuna
from pykeen.hpo import hpo_pipeline

optuna.logging.set_verbosity(optuna.logging.WARNING)

result = hpo_pipeline(
    dataset="nations",
    model="PairRE",
    negative_sampler="negater",
    negative_sampler_kwargs_ranges={
        "hard_fraction": {"type": float, "low": 0.0, "high": 0.5},
        "num_negs_per_pos": {"type": int, "low": 4, "high": 16, "log": True},
    },
    training_kwargs={"num_epochs": 10, "use_tqdm": False},
    training_kwargs_ranges={"batch_size": {"type": "categorical", "choices": [256]}},
    evaluation_kwargs={"use_tqdm": False},
    stopper="nop",
    sampler="random",
    n_trials=2,
    device="cpu",
)
for name, value in result.study.best_params.items():
    if name.startswith("negative_sampler"):
        print(f"{name.removeprefix('negative_sampler.')}: {value}")
