#!/usr/bin/env bash
# Looks at the pages of the binary in Chromium. Prints what it finds; the last line is `P passed, F failed, S skipped`.
#   CHROMIUM=/path/to/chromium tests/browser/run.sh   another browser than /usr/bin/chromium
set -euo pipefail
cd "$(dirname "$0")/../.."

skip() {
    echo "tests/browser/run.sh: SKIPPED: the pages in a browser, because $1" >&2
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}

CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || true)}
export CHROMIUM
[[ -x $CHROMIUM ]] || skip "Chromium is not there. Install it: apt-get install chromium fonts-noto-core"

# The peers are pinned, and installed again only where the pins have changed.
peers=target/peers/browser
node_peers() {
    cmp -s tests/browser/package-lock.json "$peers/package-lock.json" && [[ -d $peers/node_modules/playwright-core ]] && return
    rm -rf "$peers" && mkdir -p "$peers" && cp tests/browser/{package.json,package-lock.json,.npmrc} "$peers/" \
        && npm ci --silent --ignore-scripts --no-audit --no-fund --prefix "$peers"
}
node_peers >&2 || skip "npm or its registry is not there. Install it: apt-get install npm"

cargo build --quiet
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
BAYADER=$PWD/target/debug/bayader BAYADER_BROWSER_PEERS=$PWD/$peers \
    node --test --test-concurrency=1 --test-reporter=tap tests/browser/*.test.mjs > "$log" 2>&1 || status=$?
of() { sed -nE "s/^# $1 ([0-9]+)$/\1/p" "$log"; }
passed=$(of pass) failed=$(of fail) cancelled=$(of cancelled) skipped=$(of skipped)
passed=${passed:-0} failed=$((${failed:-0} + ${cancelled:-0})) skipped=${skipped:-0}
if ((status != 0)); then
    cat "$log"
    ((failed > 0)) || failed=1
else
    grep -E '^ok ' "$log"
fi
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
