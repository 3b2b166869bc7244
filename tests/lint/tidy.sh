#!/usr/bin/env bash
# clang-tidy over the sources of the kernel and the plugins: tests/lint/tidy.sh [all|changed]
#   all (the default): every file of the compile commands; changed: those that differ from the last commit.
# One line a file: `ok tidy FILE`, `not ok tidy FILE: why`. AGENTIDP_BUILD names a configured build folder (default: build).
set -uo pipefail
cd "$(dirname "$0")/../.."
build=${AGENTIDP_BUILD:-$PWD/build}
tool=$(command -v clang-tidy-14) || { echo 'skip tidy: clang-tidy-14 is not installed'; exit 0; }
[ -f "$build/compile_commands.json" ] || { echo "skip tidy: $build is not configured"; exit 0; }

case ${1:-all} in
  all) choice=$(git ls-files --cached --others --exclude-standard -- 'kernel/*.cpp' 'plugins/*.cpp') ;;
  changed) choice=$( { git diff --name-only HEAD -- 'kernel/*.cpp' 'plugins/*.cpp'; git ls-files --others --exclude-standard -- 'kernel/*.cpp' 'plugins/*.cpp'; } | sort -u) ;;
  *) sed -n '2,4p' "$0" >&2; exit 2 ;;
esac

# clang does not know every option g++ was given.
commands=$(mktemp -d)
trap 'rm -rf "$commands"' EXIT
sed 's/ -fno-gnu-unique//' "$build/compile_commands.json" > "$commands/compile_commands.json"

# Only what the build really compiles: a file in no CMakeLists.txt has no command (lint every-source-is-built names it).
tidy_one() {
  grep -qF "\"$PWD/$3\"" "$2/compile_commands.json" || { echo "skip tidy $3: it is not built here"; return 0; }
  if out=$("$1" -p "$2" --quiet --extra-arg=-Wno-unknown-warning-option "$3" 2>/dev/null); then echo "ok tidy $3"; return 0; fi
  why=$(grep -E '(error|warning):' <<< "$out" | sed "s|$PWD/||" | head -n 3 | tr '\n' ';' | cut -c1-500)
  echo "not ok tidy $3: ${why:-clang-tidy failed}"
  return 1
}
export -f tidy_one
xargs -r -P "$(nproc)" -I{} bash -c 'tidy_one "$@"' tidy "$tool" "$commands" {} <<< "$choice"
[ $? -eq 0 ]
