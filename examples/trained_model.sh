#!/usr/bin/env bash
# A trained model, looked at closely; everything is written to the current folder.
set -euo pipefail

# [train]
python - <<END
from pykeen.pipeline import pipeline

result = pipeline(
    dataset="nations",
    model="PairRE",
    training_kwargs={"num_epochs": 20, "use_tqdm": False},
    evaluation_kwargs={"use_tqdm": False},
    random_seed=0,
)
result.save_to_directory("result")
END
# [strata]
negater evaluate --dataset nations --model result --allow-pickle --strata
# [plausible]
negater evaluate --dataset nations --model result --allow-pickle --plausible --save-candidates hard.parquet
# [again]
negater evaluate --dataset nations --model result --allow-pickle --plausible --load-candidates hard.parquet
# [end]
