#!/usr/bin/env bash
# A language model is fine-tuned, and mines. The numbers are small, so that it ends soon.
set -euo pipefail

negater fine-tune --dataset nations --epochs 1 --max-training-triples 200 --output nations.model
negater mine --dataset nations --model nations.model --max-candidates 500 --output read.pools
