#!/usr/bin/env bash
# A relation encoder is trained on the pairs of a graph, and mines. One epoch is enough for an example.
set -euo pipefail

negater relations train --dataset nations --relations-per-step 16 --learning-rate 1e-4 --epochs 1 --output nations.model
negater mine --dataset nations --ranker relation-embedding --ranker-kwargs '{"model": "nations.model"}' \
    --output nations.pools
