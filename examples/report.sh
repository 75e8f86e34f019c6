#!/usr/bin/env bash
# What was mined, as a page and in the terminal. It needs: pip install 'pykeen-negater[report]'
set -euo pipefail

negater mine --dataset nations --output nations.pools
negater report nations.pools --output nations.html
negater report nations.pools
