#!/usr/bin/env bash
# README command 2: installs what the tests need, builds, runs everything but the long sets, and closes with
# `N passed, N failed, N skipped`. Every suite prints `ok NAME`, `not ok NAME: why` or `skip NAME: why`, one line a test.
#   tests/run.sh [unit|contract|flows|faults|clients|docs|lint|asan|tsan|fuzz|bench|list [security]] [-k NAME] [--seconds N] [--jobs N] [--windows N] [--long] [fuzz TARGET...]
set -uo pipefail
cd "$(dirname "$0")/.."
root=$PWD
set_name=all
only=
seconds=
at_once=
bench=()
targets=()
more=
while [ $# -gt 0 ]; do
  case "$1" in
    -k) only=${2:?-k wants a name}; shift 2 ;;
    --jobs) at_once=${2:?--jobs wants a number}; shift 2 ;;
    --seconds) seconds=${2:?--seconds wants a number}; bench+=("$1" "$2"); shift 2 ;;
    --windows) bench+=("$1" "${2:?--windows wants a number}"); shift 2 ;;
    --long) bench+=("$1"); shift ;;
    unit|contract|flows|faults|clients|docs|lint|tidy|asan|tsan|fuzz|bench|list) set_name=$1; shift ;;
    security) more=security; shift ;;
    [a-z]*) [ "$set_name" = fuzz ] || { sed -n '2,4p' "$0" >&2; exit 2; }
            targets+=("$1"); shift ;;
    *) sed -n '2,4p' "$0" >&2; exit 2 ;;
  esac
done

export CCACHE_DIR=${CCACHE_DIR:-$root/build-ccache}
jobs=$(nproc)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/agentidp-tests.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
report=$scratch/report
: > "$report"
export PYTHONDONTWRITEBYTECODE=1

say() { printf '== %s (%s s)\n' "$*" "$SECONDS" >&2; }

# Seconds that one suite may take.
limit=1500
# Runs a command whose output is test lines; a death without a `not ok` of its own is one.
suite() {
  local name=$1; shift
  local out=$scratch/out.$RANDOM
  timeout --kill-after=10 "$limit" "$@" > "$out" 2> "$out.err"; local code=$?
  cat "$out"
  grep -E '^(ok|not ok|skip) ' "$out" >> "$report" || true
  if [ $code -ne 0 ] && ! grep -q '^not ok ' "$out"; then
    echo "not ok $name: exit $code: $(tail -n 3 "$out.err" "$out" 2>/dev/null | tr '\n' ' ' | cut -c1-600)" | tee -a "$report"
  elif [ $code -eq 0 ] && ! grep -qE '^(ok|not ok|skip) ' "$out" && [ -z "$only" ]; then
    echo "not ok $name: it ran no test" | tee -a "$report"
  fi
  # What a sanitizer says is worth reading, whatever the exit code.
  grep -E 'ERROR: (Address|Leak|Thread)Sanitizer|WARNING: ThreadSanitizer|runtime error:' "$out.err" >&2 || true
  rm -f "$out" "$out.err"
}

# configure BUILD_FOLDER OPTION...; build BUILD_FOLDER TARGET...
configure() {
  local folder=$1; shift
  cmake -S . -B "$folder" -G Ninja -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold -DCMAKE_MODULE_LINKER_FLAGS=-fuse-ld=mold "$@" > "$scratch/configure" 2>&1 ||
    { cat "$scratch/configure"; finish "not ok configure: $folder"; }
}
build() {
  local folder=$1; shift
  cmake --build "$folder" -j "$jobs" --target "$@" > "$scratch/build" 2>&1 || { tail -n 60 "$scratch/build"; finish "not ok build: $folder"; }
}
finish() {
  [ $# -gt 0 ] && echo "$1" | tee -a "$report"
  local passed failed skipped
  passed=$(grep -c '^ok ' "$report"); failed=$(grep -c '^not ok ' "$report"); skipped=$(grep -c '^skip ' "$report")
  [ "$failed" -gt 0 ] && { echo "failed:"; grep '^not ok ' "$report"; }
  [ "$skipped" -gt 0 ] && { echo "skipped:"; grep '^skip ' "$report"; }
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit
}

# The release tree holds what users run; unit and contract suites are built once, in the sanitized tree.
release() { configure build -DCMAKE_BUILD_TYPE=Release -DAGENTIDP_TESTS=ON; build build "$@"; }
sanitized() {
  configure build-asan -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1" -DAGENTIDP_TESTS=ON -DAGENTIDP_FAILPOINTS=ON -DCMAKE_UNITY_BUILD=ON -DAGENTIDP_SANITIZE=address,undefined
  build build-asan suites
}
binaries() { find "$1/bin" -maxdepth 1 -type f -name "$2" -perm -u+x | sort; }

# Judges symbols and sections of plugins as they are shipped, so it runs in the release tree.
plugin_check() {
  release unit_plugin_check
  say unit_plugin_check
  suite unit_plugin_check build/bin/unit_plugin_check ${only:+-k "$only"}
}
run_cppunit() {  # BUILD_FOLDER PREFIX
  local binary
  for binary in $(binaries "$1" "$2_*"); do
    [ "$1/$(basename "$binary")" = build-asan/unit_plugin_check ] && continue
    say "$(basename "$binary")"
    suite "$(basename "$binary")" $(server_for "$binary") "$binary" ${only:+-k "$only"}
  done
}
# The program that starts the server a suite needs, if it needs one.
server_for() {
  case "$1" in
    *_postgresql) echo python3 tests/support/postgres.py ;;
    */contract_*_redis) echo python3 tests/support/redis.py ;;
    *_vault) echo python3 tests/support/openbao.py ;;
    *_keys_pkcs11) echo python3 tests/support/softhsm.py ;;
    *_keys_awskms) echo python3 tests/support/moto.py ;;
  esac
}
run_flows() { say flows; AGENTIDP_BUILD=$root/$1 suite flows python3 tests/flows/run.py ${only:+-k "$only"}; }
run_faults() { say faults; AGENTIDP_BUILD=$root/$1 suite faults python3 tests/faults/run.py ${only:+-k "$only"}; }
# A client of its own kind, and one of the flows: verifiers that cache the JWKS while keys rotate.
run_rotation() {
  case rotation_under_load in *"$only"*) say rotation_under_load; AGENTIDP_BUILD=$root/build suite clients python3 tests/flows/run.py -k rotation_under_load ;; esac
}
run_lint() { say lint; AGENTIDP_BUILD=$root/build suite lint bash tests/lint/run.sh ${only:+-k "$only"}; }
run_clients() { say clients; AGENTIDP_BUILD=$root/build suite clients python3 tests/clients/run.py ${only:+-k "$only"}; }
run_docs() { say docs; AGENTIDP_BUILD=$root/build suite docs bash tests/docs/run.sh ${only:+-k "$only"}; }
run_asan() {
  say 'build with ASan and UBSan'
  sanitized
  run_cppunit build-asan unit
  run_cppunit build-asan contract
  # Plugins are never unloaded, so what they keep for ever looks like a leak when the whole daemon ends; the suites look for leaks.
  ASAN_OPTIONS=detect_leaks=0 run_flows build-asan
}
run_tsan() {
  say 'build with TSan'
  configure build-tsan -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1" -DAGENTIDP_TESTS=ON -DCMAKE_UNITY_BUILD=ON -DAGENTIDP_SANITIZE=thread
  build build-tsan tsan_suites
  export TSAN_OPTIONS=halt_on_error=1
  local binary
  for binary in $(binaries build-tsan '*'); do
    case "$(basename "$binary")" in
      unit_*|contract_*) say "tsan $(basename "$binary")"; suite "tsan_$(basename "$binary")" $(server_for "$binary") "$binary" ${only:+-k "$only"} ;;
    esac
  done
  unset TSAN_OPTIONS
}

case $set_name in
  bench) bash packaging/packages.sh bench || finish 'not ok packages: apt-get failed' ;;
  *) bash packaging/packages.sh test || finish 'not ok packages: apt-get failed' ;;
esac

case $set_name in
  list)
    if [ "$more" = security ]; then
      sanitized > /dev/null
      { python3 tests/flows/run.py --security
        for binary in $(binaries build-asan 'unit_*') $(binaries build-asan 'contract_*'); do
          "$binary" --list | grep -oE '^.*row[0-9]+.*$' | sed -E "s/^(.*row0*([0-9]+).*)$/\2\t$(basename "$binary") \1/"
        done; } | sort -n | awk -F'\t' '{ print "row " $1 ": " $2 }'
    else
      printf '%s\n' lint docs unit contract flows faults clients asan tsan '(long: bench fuzz tidy)'
    fi
    exit 0 ;;
  bench)
    release product load floor
    python3 tests/bench/bench.py --build build ${only:+--only "$only"} ${bench[@]+"${bench[@]}"}
    exit ;;
  lint) configure build -DCMAKE_BUILD_TYPE=Release -DAGENTIDP_TESTS=ON; run_lint ;;
  tidy) release all; limit=7200; suite tidy bash tests/lint/tidy.sh ;;
  docs) release product; run_docs ;;
  unit) plugin_check; sanitized; run_cppunit build-asan unit ;;
  contract) sanitized; run_cppunit build-asan contract ;;
  flows) release product broken_plugins; run_flows build ;;
  faults) release product broken_plugins contract_storage_postgresql; run_faults build ;;
  asan) run_asan ;;
  tsan) run_tsan ;;
  fuzz) limit=$((1800 + 20 * ${seconds:-60})); suite fuzz bash tests/fuzz/run.sh --seconds "${seconds:-60}" ${at_once:+--jobs "$at_once"} ${only:+-k "$only"} ${targets[@]+"${targets[@]}"} ;;
  clients) release product; run_clients; run_rotation ;;
  all)
    if [ "$only" = security ]; then
      sanitized
      for binary in $(binaries build-asan 'unit_*') $(binaries build-asan 'contract_*'); do suite "$(basename "$binary")" "$binary" -k row; done
      ASAN_OPTIONS=detect_leaks=0 run_flows build-asan
      finish
    fi
    say 'build'
    release product broken_plugins load floor
    plugin_check
    run_lint
    run_docs
    run_flows build
    run_clients
    run_asan
    # After the sanitized tree: it has the failpoints that some rows need.
    build build contract_storage_postgresql
    run_faults build
    run_tsan ;;
esac
finish
