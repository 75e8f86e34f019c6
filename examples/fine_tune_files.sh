#!/usr/bin/env bash
# A language model is fine-tuned on files (head TAB relation TAB tail), and tested on human-annotated statements.
set -euo pipefail

negater fine-tune --training train.tsv --validation valid.tsv --validation-negatives valid_negatives.tsv \
    --testing test.tsv --testing-negatives test_negatives.tsv --action train --action test --output my.model
