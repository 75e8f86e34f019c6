#!/usr/bin/env bash
# Negatives for other programs, in all formats.
set -euo pipefail

negater mine --dataset nations --output nations.pools
# [export]
negater export nations.pools --format tsv --output negatives.tsv
negater export nations.pools --format triples --output negatives.txt
negater export nations.pools --format parquet --output negatives.parquet
negater export nations.pools --format triplets --output triplets.parquet
# [end]
