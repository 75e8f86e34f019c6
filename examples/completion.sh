#!/usr/bin/env bash
# Let the tab key complete commands, options and names.
set -euo pipefail

# [bash]
eval "$(_NEGATER_COMPLETE=bash_source negater)"
# [end]

complete -p negater
