#!/usr/bin/env bash
# From a graph to negatives, and their uses; everything is written to the current folder.
set -euo pipefail

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
cat > nations.yaml <<END
dataset: nations
ranker: similarity
output: similar.pools
END
negater mine --config nations.yaml
# [end]
