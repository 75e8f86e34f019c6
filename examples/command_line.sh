#!/usr/bin/env bash
# The commands on Nations, in a folder for their results: bash command_line.sh results
set -euo pipefail
mkdir -p "$1" && cd "$1"

# [mine]
negater mine --dataset nations --dry-run
negater mine --dataset nations --output nations.pools
# [verify]
negater verify nations.pools
# [export]
negater export nations.pools --output negatives.tsv
negater export nations.pools --format parquet --output negatives.parquet
# [import]
negater import negatives.tsv --dataset nations --output again.pools
# [evaluate]
negater evaluate --dataset nations --samplers basic,negater --epochs 5
# [config]
printf 'dataset: nations\nranker: similarity\nk: 16\n' > nations.yaml
negater mine --config nations.yaml --output similar.pools
# [several]
torchrun --nproc_per_node 2 -m pykeen_negater mine --dataset nations --ranker similarity --output shared.pools
# [resume]
negater fine-tune --dataset nations --epochs 1 --max-training-triples 200 --output nations.model
negater mine --dataset nations --model nations.model --max-candidates 500 --output read.pools
# [end]
