#!/usr/bin/env bash
# Runs every test. The last line is `N passed, N failed, N skipped`; the exit code is 0 only if nothing failed.
#   tests/run.sh           what a change needs
#   tests/run.sh --long    the long storms too (BAYADER_TEST_LONG=1), and a longer fuzz
set -euo pipefail
cd "$(dirname "$0")/.."

long=()
for argument in "$@"; do
    case "$argument" in
        --long)
            export BAYADER_TEST_LONG=1
            long=(--long)
            ;;
        *)
            echo "usage: tests/run.sh [--long]" >&2
            exit 2
            ;;
    esac
done

# What some tests need beside Rust: a disk that fails on command (fiu-utils), a clock that lies (faketime), a browser, an authority
# for certificates (pebble), promtool, a small Debian under a real systemd, and what installs the pinned peers of tests/openapi and
# tests/browser.
missing=()
command -v "${CHROMIUM:-chromium}" > /dev/null || missing+=(chromium fonts-noto-core)
command -v npm > /dev/null || missing+=(npm)
python3 -c 'import ensurepip' 2> /dev/null || missing+=(python3-venv)
command -v fiu-run > /dev/null || missing+=(fiu-utils)
command -v faketime > /dev/null || missing+=(faketime)
command -v shellcheck > /dev/null || missing+=(shellcheck)
command -v pebble > /dev/null || missing+=(pebble)
command -v promtool > /dev/null || missing+=(prometheus)
command -v age > /dev/null || missing+=(age)
command -v systemd-nspawn > /dev/null || missing+=(systemd-container)
command -v debootstrap > /dev/null || missing+=(debootstrap)
command -v zstd > /dev/null || missing+=(zstd)
if ((${#missing[@]} > 0)) && [[ $(id -u) == 0 ]] && command -v apt-get > /dev/null; then
    {
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"
    } >&2 || echo "tests/run.sh: apt could not install: ${missing[*]}" >&2
fi
lacking() {
    if ! command -v "$1" > /dev/null; then
        echo "tests/run.sh: SKIPPED: $3, because $1 is not there. Install it: apt-get install $2" >&2
        skipped_here=$((skipped_here + 1))
    fi
}
skipped_here=0
lacking faketime faketime "tests of a wrong clock"
# A test that does not find its peer says so itself.
tests/peers/install.sh >&2 || echo "tests/run.sh: the Python peers could not be installed" >&2
# The shop's machine of tests/machine, once: a small Debian under a real systemd.
box=target/box/debian.tar.zst
if [[ $(id -u) == 0 && ! -e $box ]] && command -v debootstrap > /dev/null && command -v zstd > /dev/null; then
    mkdir -p target/box
    tests/peers/systemd_box.sh build "$box" >&2 || echo "tests/run.sh: no Debian could be built: $box.log says why" >&2
fi

log=$(mktemp)
# A test that lacks something says so here, a line each; it is then no test that passed.
BAYADER_TEST_SKIPPED=$(mktemp)
export BAYADER_TEST_SKIPPED
trap 'rm -f "$log" "$BAYADER_TEST_SKIPPED"' EXIT
status=0
passed=0 failed=0 skipped=0
if cargo nextest --version > /dev/null 2>&1; then
    cargo nextest run --no-fail-fast --color never 2>&1 | tee "$log" || status=$?
    # Summary [ 1.234s] 12 tests run: 10 passed (1 slow), 1 failed, 1 timed out, 3 skipped
    summary=$(grep -E '^ *Summary \[' "$log" | tail -n 1 || true)
    of() { sed -nE "s/.*[ ,]([0-9]+) $1.*/\1/p" <<< "$summary" | head -n 1; }
    passed=$(of passed) failed=$(of failed) skipped=$(of skipped)
    timed_out=$(of 'timed out') broken=$(of 'exec failed')
    failed=$((${failed:-0} + ${timed_out:-0} + ${broken:-0}))
else
    cargo test --no-fail-fast --color never 2>&1 | tee "$log" || status=$?
    # test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; ..., a line for each binary
    summary=$(grep -E '^test result:' "$log" || true)
    sum() { sed -nE "s/.* ([0-9]+) $1.*/\1/p" <<< "$summary" | awk '{ n += $1 } END { print n + 0 }'; }
    passed=$(sum passed) failed=$(sum failed) skipped=$(sum ignored)
fi
passed=${passed:-0} failed=${failed:-0} skipped=${skipped:-0}
cat "$BAYADER_TEST_SKIPPED" >&2
told=$(wc -l < "$BAYADER_TEST_SKIPPED")
passed=$((passed - told))
skipped=$((skipped + skipped_here + told))

if ((status == 0 && passed == 0)); then
    echo "tests/run.sh: no test ran" >&2
    status=1
fi

# The pages in a browser, and the API by its own description: linters and the fuzzer. Where nothing could be built there is nothing
# to ask.
beside() {
    "$@" 2>&1 | tee "$log" || status=$?
    local summary
    summary=$(tail -n 1 "$log")
    of_peers() { sed -nE "s/(.*, )?([0-9]+) $1.*/\\2/p" <<< "$summary"; }
    local peers_passed peers_failed peers_skipped
    peers_passed=$(of_peers passed) peers_failed=$(of_peers failed) peers_skipped=$(of_peers skipped)
    passed=$((passed + ${peers_passed:-0})) failed=$((failed + ${peers_failed:-0})) skipped=$((skipped + ${peers_skipped:-0}))
}
if ((passed > 0)); then
    beside tests/browser/run.sh
    beside tests/openapi/run.sh "${long[@]}"
fi
# Where nothing could be built no test has failed, and still nothing is well.
if ((status != 0 && failed == 0)); then
    failed=1
fi
if ((failed > 0 && status == 0)); then
    status=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
