#!/usr/bin/env bash
# Puts the pinned Python peers of the tests into target/peers/venv, again only where the pins have changed.
set -euo pipefail
cd "$(dirname "$0")/../.."
peers=target/peers
mkdir -p "$peers"
cmp -s tests/peers/requirements.txt "$peers/requirements.txt" && [[ -x $peers/venv/bin/st ]] && exit
rm -rf "$peers/venv" "$peers/requirements.txt"
python3 -m venv "$peers/venv"
"$peers/venv/bin/pip" install --quiet --disable-pip-version-check -r tests/peers/requirements.txt
cp tests/peers/requirements.txt "$peers/"
