#!/usr/bin/env bash
# Two daemons behind haproxy, on one PostgreSQL and one Redis, everything on free ports in a temporary directory.
#   tests/rigs/two-replicas.sh up        prints the URLs and process ids, and leaves it running
#   tests/rigs/two-replicas.sh status    prints them again
#   tests/rigs/two-replicas.sh down      ends it
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
state=${AGENTIDP_RIG:-${TMPDIR:-/tmp}/agentidp-two-replicas.$(id -u)}

running() { [ -s "$state/pid" ] && kill -0 "$(cat "$state/pid")" 2>/dev/null; }

case "${1:-}" in
  up)
    if running; then echo "it runs already; tests/rigs/two-replicas.sh down ends it" >&2; cat "$state/about"; exit 1; fi
    bash "$here/../../packaging/packages.sh" test
    rm -rf "$state"; mkdir -m 0700 "$state"
    setsid python3 "$here/two_replicas.py" "$state" > "$state/log" 2>&1 < /dev/null &
    pid=$!
    echo "$pid" > "$state/pid"
    for _ in $(seq 600); do
      [ -s "$state/about" ] && { cat "$state/about"; exit 0; }
      kill -0 "$pid" 2>/dev/null || { echo "it did not start:" >&2; tail -n 5 "$state/log" >&2; exit 1; }
      sleep 0.1
    done
    echo "it was not ready after 60 s:" >&2; tail -n 5 "$state/log" >&2; kill "$pid"; exit 1 ;;
  status)
    running || { echo "it does not run" >&2; exit 1; }
    cat "$state/about" ;;
  down)
    running || { echo "it does not run" >&2; rm -rf "$state"; exit 0; }
    pid=$(cat "$state/pid")
    kill "$pid"
    for _ in $(seq 600); do
      kill -0 "$pid" 2>/dev/null || { rm -rf "$state"; echo "ended"; exit 0; }
      sleep 0.1
    done
    echo "process $pid does not end" >&2; exit 1 ;;
  *) sed -n '2,5p' "$0" >&2; exit 2 ;;
esac
