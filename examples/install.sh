#!/usr/bin/env bash
# The sampler, with the language model that it reads texts with.
set -euo pipefail

pip install "pykeen-negater[minilm] @ git+https://github.com/pykeen/pykeen-negater"
