#!/usr/bin/env bash
# The documents against the tree: links lead somewhere, files that are named exist, commands that are named are offered.
exec env PYTHONDONTWRITEBYTECODE=1 python3 "$(dirname "$0")/check.py" "$@"
