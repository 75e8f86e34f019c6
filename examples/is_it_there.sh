#!/usr/bin/env bash
# PyKEEN's command lists the sampler, and negater doctor shows what is installed.
set -euo pipefail

pykeen ls negative-samplers
negater doctor
