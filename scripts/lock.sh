#!/bin/sh
# Regenerates the pinned requirements from pyproject.toml: hashes for every platform, no index address in the files.
# Arguments go to uv, for example: scripts/lock.sh --upgrade
set -eu
cd "$(dirname "$0")/.."
UV=$(command -v uv || echo .venv/bin/uv)

compile() { # output file, then what to compile
    out=$1
    shift
    "$UV" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
        --no-annotate --output-file "$out" "$@"
}

# What runs in production, the image for one, so with PostgreSQL and everything else that is optional.
compile requirements.txt pyproject.toml --all-extras "$@"
compile requirements-dev.txt pyproject.toml --group dev --constraint requirements.txt "$@"
compile requirements-docs.txt --group pyproject.toml:docs --constraint requirements-dev.txt "$@"
# The installer itself, for machines without uv.
grep -A 100 '^uv==' requirements-dev.txt | awk 'NR > 1 && !/^    --hash/ { exit } { print }' > scripts/requirements-uv.txt
