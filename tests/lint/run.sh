#!/usr/bin/env bash
# The checks of the source tree that need no build: see run.py. AGENTIDP_BUILD names the folder for what is remembered between runs.
exec env PYTHONDONTWRITEBYTECODE=1 python3 "$(dirname "$0")/run.py" "$@"
