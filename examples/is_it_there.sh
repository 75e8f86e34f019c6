#!/usr/bin/env bash
# PyKEEN's own command lists the sampler, and ours says what is installed.
set -euo pipefail

pykeen ls negative-samplers
negater doctor
