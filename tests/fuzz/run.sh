#!/usr/bin/env bash
# Fuzzes targets for a while, all or those named: tests/fuzz/run.sh [--seconds N] [--jobs N] [-k PART] [TARGET...]. What broke a target is left in build-fuzz/found.
set -uo pipefail
cd "$(dirname "$0")/../.."
seconds=60
jobs=$(nproc)
only=
named=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) seconds=${2:?--seconds wants a number}; shift 2 ;;
    --jobs) jobs=${2:?--jobs wants a number}; shift 2 ;;
    -k) only=${2:?-k wants a name}; shift 2 ;;
    -*) sed -n '2p' "$0" >&2; exit 2 ;;
    *) named+=("$1"); shift ;;
  esac
done
command -v clang++-14 > /dev/null || { echo 'skip fuzz: clang++-14 is not installed'; exit 0; }
mkdir -p build-fuzz/found
{ cmake -S . -B build-fuzz -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS='-O1 -fsanitize=fuzzer-no-link' -DCMAKE_C_COMPILER=clang-14 \
    -DCMAKE_CXX_COMPILER=clang++-14 -DAGENTIDP_TESTS=ON -DAGENTIDP_FUZZ=ON -DAGENTIDP_SANITIZE=address,undefined &&
  cmake --build build-fuzz --target fuzz_targets; } > build-fuzz/log 2>&1 || { tail -n 40 build-fuzz/log >&2; echo 'not ok fuzz: build'; exit 1; }
# The line of each as soon as it ends.
fuzz_one() {
  local binary=$1 seconds=$2 name=${1##*/}
  mkdir -p "build-fuzz/corpus/$name"
  if "$binary" -max_total_time="$seconds" -timeout=10 -max_len=8192 -rss_limit_mb=4096 -artifact_prefix="build-fuzz/found/$name-" -print_final_stats=1 \
      "build-fuzz/corpus/$name" "tests/fuzz/corpus/${name#fuzz_}" > "build-fuzz/$name.log" 2>&1; then
    echo "ok $name: $(awk '/stat::number_of_executed_units/ {print $2}' "build-fuzz/$name.log") inputs in $seconds s"
  else
    echo "not ok $name: $(grep -E 'ERROR|runtime error|SUMMARY' "build-fuzz/$name.log" | head -n 1)"
    return 1
  fi
}
export -f fuzz_one
wanted() { [ ${#named[@]} -eq 0 ] || [[ " ${named[*]} " == *" ${1#fuzz_} "* ]]; }
for name in ${named[@]+"${named[@]}"}; do
  [ -x "build-fuzz/bin/fuzz_$name" ] || { echo "not ok fuzz: there is no target $name"; exit 1; }
done
for binary in build-fuzz/bin/fuzz_*; do
  if [ -x "$binary" ] && wanted "${binary##*/}"; then case "${binary##*/}" in *"$only"*) echo "$binary" ;; esac; fi
done | xargs -r -P "$jobs" -I{} bash -c 'fuzz_one "$@"' fuzz {} "$seconds"
[ $? -eq 0 ]
