#!/usr/bin/env bash
# Lints the API's description and fuzzes the API by it: as a guest, as a customer, as an admin, and as accounts that may end their own
# sessions, each against the real binary on a fresh demo folder. Prints what it finds; the last line is `P passed, F failed, S skipped`.
#   tests/openapi/run.sh          as much as a change needs, about a minute an actor
#   tests/openapi/run.sh --long   ten minutes an actor, from another seed each time
set -euo pipefail
cd "$(dirname "$0")/../.."

max_examples=15 seed=1 most_s=240
more=()
if [[ ${1:-} == --long ]]; then
    max_examples=400 seed=$RANDOM most_s=720
    more=(--max-time 600)
fi

peers=target/peers
mkdir -p "$peers"
work=$(mktemp -d)
server=
finish() {
    [[ -z $server ]] || kill "$server" 2> /dev/null || true
    rm -rf "$work"
}
trap finish EXIT
passed=0 failed=0 skipped=0
pass() {
    echo "ok: $1"
    passed=$((passed + 1))
}
fail() {
    echo "FAILED: $1"
    failed=$((failed + 1))
}
skip() {
    echo "tests/openapi/run.sh: SKIPPED: $1" >&2
    skipped=$((skipped + 1))
}

# The peers are pinned, and installed again only where the pins have changed.
node_peers() {
    cmp -s tests/openapi/package-lock.json "$peers/npm/package-lock.json" && [[ -x $peers/npm/node_modules/.bin/redocly ]] && return
    rm -rf "$peers/npm" && mkdir -p "$peers/npm" && cp tests/openapi/{package.json,package-lock.json,.npmrc} "$peers/npm/" \
        && npm ci --silent --no-audit --no-fund --prefix "$peers/npm"
}

cargo build --quiet
bayader=target/debug/bayader
"$bayader" openapi > "$work/openapi.json"

if node_peers >&2; then
    if REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true "$peers/npm/node_modules/.bin/redocly" lint \
        --config tests/openapi/redocly.yaml "$work/openapi.json" > "$work/lint" 2>&1 \
        && ! grep -qE 'You have [0-9]+ (error|warning)' "$work/lint"; then
        pass "redocly finds nothing in the description"
    else
        cat "$work/lint"
        fail "redocly"
    fi
else
    skip "the linter, because npm or its registry is not there. Install it: apt-get install npm"
fi

# Schemathesis is one for each actor; so many are skipped where Python is not there.
actors=(guest customer admin spare_customer spare_admin)
if ! tests/peers/install.sh >&2; then
    skip "the validator of the description, because Python with venv, or its registry, is not there. Install it: apt-get install python3-venv"
    for actor in "${actors[@]}"; do skip "the fuzzer as $actor, for the same reason"; done
    echo "$passed passed, $failed failed, $skipped skipped"
    ((failed == 0))
    exit
fi

if "$peers/venv/bin/openapi-spec-validator" "$work/openapi.json"; then
    pass "openapi-spec-validator finds nothing in the description"
else
    fail "openapi-spec-validator"
fi

# One JSON field of an answer; there may be no jq.
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
post() {
    curl -sf "$base$1" -H 'Content-Type: application/json' -d "$2" "${@:3}"
}
sign_in() {
    local password
    password=$(awk -v mail="$1" '$2 == mail { print $3 }' "$work/serve.log")
    post /api/v1/auth/login "{\"email\":\"$1\",\"password\":\"$password\"}" | field token
}
spare() {
    post /api/v1/auth/register "{\"name\":\"Spare\",\"email\":\"spare@example.com\",\"phone\":\"+962790000099\",\"password\":\"spare-and-long-7\",\"role\":\"$1\"}" \
        -H "Authorization: Bearer $(sign_in owner@example.com)" > /dev/null
    post /api/v1/auth/login '{"email":"spare@example.com","password":"spare-and-long-7"}' | field token
}

# With these an account ends its own session, or itself, or closes the shop in which the others order; whoever fuzzes the rest keeps
# away from them.
own='^/api/v1/(auth/(logout|password|sessions|2fa|step-up)|users/[{]id[}]|admin/settings)'

fuzz() {
    local actor=$1 token='' scope=() answers=0
    BAYADER_RATE_LIMIT__ENABLED=false "$bayader" serve --demo --listen 127.0.0.1:0 > "$work/serve.log" 2>&1 &
    server=$!
    for _ in $(seq 300); do
        grep -q '^Its orders' "$work/serve.log" && break
        kill -0 "$server" 2> /dev/null || break
        sleep 0.1
    done
    base=$(sed -nE 's#.*(http://[0-9.:]+)/api/v1 until.*#\1#p' "$work/serve.log")
    if [[ -z $base ]]; then
        cat "$work/serve.log"
        fail "the fuzzer as $actor: the demo did not start"
        return
    fi
    case $actor in
        guest) ;;
        customer) token=$(sign_in layla@example.com) scope=(--exclude-path-regex "$own") ;;
        admin) token=$(sign_in owner@example.com) scope=(--exclude-path-regex "$own") ;;
        spare_*) token=$(spare "${actor#spare_}") scope=(--include-path-regex "$own|^/api/v1/(users|auth/register)\$") ;;
    esac
    [[ -z $token ]] || scope+=(-H "Authorization: Bearer $token")
    HYPOTHESIS_STORAGE_DIRECTORY=$peers/hypothesis timeout "$most_s" "$peers/venv/bin/st" --config-file tests/openapi/schemathesis.toml run "$base/api/v1/openapi.json" \
        --max-examples "$max_examples" --seed "$seed" --workers 1 --no-color "${more[@]}" "${scope[@]}" \
        > "$work/fuzz" 2>&1 || answers=$?
    sed -n '/^Test cases:/,$p' "$work/fuzz"
    if ! curl -sf "$base/healthz" > /dev/null; then
        cat "$work/fuzz" "$work/serve.log"
        fail "the fuzzer as $actor: the server did not live through it"
    elif ! "$bayader" doctor --data-dir "$(sed -nE 's/.*data_dir=([^ ]+).*/\1/p' "$work/serve.log" | head -n 1)" > "$work/doctor" 2>&1; then
        cat "$work/doctor"
        fail "the fuzzer as $actor: the books do not add up after it"
    elif ((answers != 0)); then
        cat "$work/fuzz"
        ((answers != 124)) || echo "it took longer than $most_s s"
        fail "the fuzzer as $actor, seed $seed"
    else
        pass "the fuzzer as $actor finds nothing"
    fi
    if kill "$server"; then wait "$server" || true; fi
    server=
}
for actor in "${actors[@]}"; do fuzz "$actor"; done

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
