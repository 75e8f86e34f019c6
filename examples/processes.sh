#!/usr/bin/env bash
# Two processes share the work; the pools are the same as those of one.
set -euo pipefail

torchrun --nproc_per_node 2 -m pykeen_negater mine --dataset nations --ranker similarity --output shared.pools
