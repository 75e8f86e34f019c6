#!/usr/bin/env bash
# The sampler, with the language model for texts, in a checkout of the repository.
set -euo pipefail

pip install ".[minilm]"
