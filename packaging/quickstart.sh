#!/usr/bin/env bash
# README command 1: from a bare Debian 12 to a running AgentIdP and a token whose place in the ledger is proven.
#   bash packaging/quickstart.sh          stays in the foreground until Ctrl-C
#   bash packaging/quickstart.sh --once   stops at the end, exit 0
# A second run reuses ./build and ./var and takes seconds.
set -euo pipefail
cd "$(dirname "$0")/.."

once=no
case "${1:-}" in
  '') ;;
  --once) once=yes ;;
  -h|--help) sed -n '2,6p' "$0"; exit 0 ;;
  *) echo "usage: $0 [--once]" >&2; exit 2 ;;
esac

# This is a tour on embedded defaults: what the shell has set for another deployment stays out of it.
for name in PORT DATABASE_URL REDIS_URL CORS_ORIGIN NODE_ENV POLICY_DIR ENCRYPTION_KEY_VAULT_PATH JWKS_CACHE_TTL_SECONDS OIDC_FORCE_KEY_ROTATION \
            $(compgen -e | grep -E '^(JWT|VAULT|MACP|AGENTIDP)_' || true); do
  unset "$name"
done

step=0
say() { step=$((step + 1)); printf '\n[%d] %s\n' "$step" "$*"; }
ok() { printf '    ok: %s\n' "$*"; }
die() { printf '    FAILED: %s\n' "$*" >&2; exit 1; }

say "Packages that the build needs"
bash packaging/packages.sh build
ok "all there"

say "Build (Release, into ./build; the first time takes minutes)"
log=build/quickstart-build.log
mkdir -p build
export CCACHE_DIR=${CCACHE_DIR:-$PWD/build-ccache}
{ cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold -DCMAKE_MODULE_LINKER_FLAGS=-fuse-ld=mold &&
  cmake --build build --target product; } > "$log" 2>&1 || { tail -n 30 "$log" >&2; die "the build; the whole output is in $log"; }
ok "build/bin/agentidpd, build/bin/agentidp, $(find build/lib/agentidp/plugins -name '*.so' | wc -l) plugins"

free_port() {
  python3 - "$1" <<'PY'
import socket, sys
for port in (int(sys.argv[1]), 0):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(probe.getsockname()[1])
        break
PY
}
port=$(free_port 3000)
url=http://127.0.0.1:$port

say "Start the daemon on $url, data in ./var"
mkdir -p var && chmod 700 var
daemon_log=var/agentidpd.log
# Its settings file is empty at first; hooks go into var/hooks.d beside it (docs/hook-authors).
touch var/agentidp.properties && mkdir -p var/hooks.d
common=(--config "$PWD/var/agentidp.properties" -Ddata.dir="$PWD/var" -Dserver.listen="127.0.0.1:$port" -Dplugins.path="$PWD/build/lib/agentidp/plugins")
build/bin/agentidpd "${common[@]}" > "$daemon_log" 2>&1 &
daemon=$!
work=$(mktemp -d)
stop() {
  if kill -0 "$daemon" 2>/dev/null; then kill -TERM "$daemon"; fi
  wait "$daemon" 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM
ready=no
for _ in $(seq 1 300); do
  kill -0 "$daemon" 2>/dev/null || break
  if [ "$(curl -s -o /dev/null -w '%{http_code}' "$url/readyz" || true)" = 200 ]; then ready=yes; break; fi
  sleep 0.1
done
[ "$ready" = yes ] || { tail -n 5 "$daemon_log" >&2; die "the daemon is not ready; its log is $daemon_log"; }
ok "ready, pid $daemon, log in $daemon_log"

call() {  # call EXPECTED_STATUS OUTPUT curl arguments...
  local expected=$1 output=$2 status; shift 2
  status=$(curl -sS -o "$output" -w '%{http_code}' "$@")
  [ "$status" = "$expected" ] || die "expected $expected, got $status: $(cat "$output")"
}
# Secrets go to curl through a file descriptor, never as an argument that ps shows.
user() { printf 'user = "%s:%s"\n' "$1" "$2"; }
bearer() { printf 'header = "Authorization: Bearer %s"\n' "$1"; }

say "The first administrator gets a token (its secret is in var/admin.json)"
admin_id=$(jq -r .clientId var/admin.json)
admin_secret=$(jq -r .clientSecret var/admin.json)
call 200 "$work/admin" "$url/api/v1/token" -d grant_type=client_credentials -K <(user "$admin_id" "$admin_secret")
admin_token=$(jq -r .access_token "$work/admin")
ok "$(jq -r .scope "$work/admin")"

say "Register a fresh agent and give it a credential"
email="quickstart-$(date +%s%N)@example.test"
call 201 "$work/agent" "$url/api/v1/agents" -H 'Content-Type: application/json' -K <(bearer "$admin_token") -d "{
  \"email\": \"$email\", \"agentType\": \"assistant\", \"version\": \"1.0.0\", \"owner\": \"quickstart\",
  \"deploymentEnv\": \"development\", \"capabilities\": [\"demo\"], \"scopes\": [\"agents:read\", \"audit:read\"]}"
agent=$(jq -r .agentId "$work/agent")
call 201 "$work/credential" "$url/api/v1/agents/$agent/credentials" -H 'Content-Type: application/json' -K <(bearer "$admin_token") -d '{}'
secret=$(jq -r .clientSecret "$work/credential")
ok "$email is agent $agent"

say "The agent asks for a token"
call 200 "$work/token" "$url/api/v1/token" -d grant_type=client_credentials -d scope=agents:read -K <(user "$agent" "$secret")
token=$(jq -r .access_token "$work/token")
ok "$(jq -c '{token_type, expires_in, scope}' "$work/token")"

say "Verify it against the JWKS with openssl alone"
call 200 "$work/jwks" "$url/.well-known/jwks.json"
printf '%s' "$token" | python3 packaging/verify_token.py "$work/jwks" > "$work/claims" || die "the token does not verify"
ok "$(jq -c '{iss, sub, scope, jti}' "$work/claims")"

say "Introspect it, revoke it, introspect again"
call 200 "$work/active" "$url/api/v1/token/introspect" --data-urlencode token@<(printf '%s' "$token") -K <(user "$agent" "$secret")
[ "$(jq -r .active "$work/active")" = true ] || die "not active: $(cat "$work/active")"
ok "active before"
call 200 "$work/revoked" "$url/api/v1/token/revoke" --data-urlencode token@<(printf '%s' "$token") -K <(user "$agent" "$secret")
call 200 "$work/inactive" "$url/api/v1/token/introspect" --data-urlencode token@<(printf '%s' "$token") -K <(user "$agent" "$secret")
[ "$(cat "$work/inactive")" = '{"active":false}' ] || die "still active: $(cat "$work/inactive")"
ok "inactive after"

say "Prove that the grant stands in the ledger"
call 200 "$work/events" "$url/api/v1/audit?action=token.issued&agentId=$agent" -K <(bearer "$admin_token")
event=$(jq -r '.data[0].eventId' "$work/events")
build/bin/agentidp "${common[@]}" audit prove --event "$event" > "$work/proof" || die "no proof for $event"
python3 tests/verifier/verify_proof.py < "$work/proof" > "$work/verdict" || die "the independent verifier says no: $(cat "$work/verdict")"
ok "$(head -n 1 "$work/verdict")"

cat <<END

AgentIdP works on this machine. By hand, in another shell:

  curl $url/.well-known/oauth-authorization-server
  curl -u "\$(jq -r '.clientId + ":" + .clientSecret' var/admin.json)" -d grant_type=client_credentials $url/api/v1/token
  build/bin/agentidp -Ddata.dir=$PWD/var audit verify --full
  curl $url/health; curl $url/metrics; curl $url/openapi.json
END

if [ "$once" = yes ]; then
  say "Stop (drains, flushes the ledger, signs a last checkpoint)"
  kill -TERM "$daemon"
  wait "$daemon" && code=0 || code=$?
  [ "$code" = 0 ] || die "the daemon exited $code; its log is $daemon_log"
  ok "exit 0"
  exit 0
fi
printf '\nIt runs until Ctrl-C.\n'
wait "$daemon"
