#!/usr/bin/env bash
# The sampler, with the language model for texts.
set -euo pipefail

pip install "pykeen-negater[minilm] @ git+https://github.com/pykeen/pykeen-negater"
