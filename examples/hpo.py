"""Searches hyperparameters that affect sampling alone; those that would need new mining stay fixed."""

import optuna
from pykeen.hpo import hpo_pipeline

optuna.logging.set_verbosity(optuna.logging.WARNING)

result = hpo_pipeline(
    dataset="nations",
    model="PairRE",
    negative_sampler="negater",
    training_kwargs={"num_epochs": 10, "use_tqdm": False},
    training_kwargs_ranges={"batch_size": {"type": "categorical", "choices": [256]}},
    evaluation_kwargs={"use_tqdm": False},
    stopper="nop",
    sampler="random",
    n_trials=3,
    device="cpu",
)
print(f"{len(result.study.trials)} trials of the sampler's own ranges; the best is")
for name, value in result.study.best_params.items():
    if name.startswith("negative_sampler"):
        print(f"{name.removeprefix('negative_sampler.')}: {value}")
