#!/usr/bin/env bash
# A relation encoder is trained on pairs of words and evaluated. Real data have the same format, and hundreds of lines.
set -euo pipefail

cat > pairs.jsonl <<END
{"relation_type": "capital", "positives": [["Rome", "Italy"], ["Berlin", "Germany"]], "negatives": [["Rome", "Berlin"]]}
{"relation_type": "young", "positives": [["kitten", "cat"], ["foal", "horse"]], "negatives": [["kitten", "milk"]]}
{"relation_type": "part", "positives": [["roof", "house"], ["leaf", "tree"]], "negatives": [["roof", "bird"]]}
END
cat > analogies.jsonl <<END
{"stem": ["Tokyo", "Japan"], "choice": [["puppy", "dog"], ["Paris", "France"], ["wheel", "car"]], "answer": 1}
END
cat > mapping.jsonl <<END
{"source": ["sun", "planet", "gravity"], "target": ["nucleus", "electron", "charge"]}
END
mkdir lexical
printf 'kitten\tcat\tyoung\nfoal\thorse\tyoung\nroof\thouse\tpart\nleaf\ttree\tpart\n' > lexical/train.tsv
printf 'lamb\tsheep\tyoung\nwheel\tcar\tpart\n' > lexical/test.tsv

# [train]
negater relations train --data pairs.jsonl --relations-per-step 3 --learning-rate 1e-4 --validation-share 0 \
    --epochs 2 --output relations.model
# [evaluate]
negater relations evaluate relations.model --data analogies.jsonl --data lexical --data mapping.jsonl -o report.json
# [end]
