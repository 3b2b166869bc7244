#!/usr/bin/env bash
# Installs the Debian packages that a purpose needs, and nothing where they are there already.
#   packaging/packages.sh build | test | bench
set -euo pipefail

build=(g++ cmake ninja-build pkg-config ccache mold libpoco-dev libboost1.81-dev libssl-dev libsqlite3-dev libpq-dev liblua5.4-dev libre2-dev libp11-kit-dev
       prometheus-cpp-dev nlohmann-json3-dev curl jq python3)
test=("${build[@]}" libcppunit-dev clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev systemd sqlite3 openssl python3-cryptography
       python3-bcrypt python3-venv git postgresql pgbouncer redis-server haproxy faketime redis-sentinel softhsm2)
bench=("${test[@]}" wrk)

case "${1:-}" in
  build) wanted=("${build[@]}") ;;
  test) wanted=("${test[@]}") ;;
  bench) wanted=("${bench[@]}") ;;
  *) echo "usage: $0 build|test|bench" >&2; exit 2 ;;
esac

missing=()
for package in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "packages are missing and neither root nor sudo is here: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "installing: ${missing[*]}"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}" >/dev/null
