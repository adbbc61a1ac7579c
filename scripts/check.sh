#!/bin/sh
# Everything that can be known without running the product. Runs all steps, then says which failed.
set -u
cd "$(dirname "$0")/.."
bin=.venv/bin
failed=

step() {
    name=$1
    shift
    echo "== $name"
    "$@" || failed="$failed
  $name: $*"
}

step "lint" $bin/ruff check --quiet .
step "format" $bin/ruff format --check --quiet .
step "types" $bin/mypy
step "layers" $bin/lint-imports --no-cache --no-logo
[ -n "${UMBEL_SKIP_UI:-}" ] || step "web pages" scripts/ui.sh --check
step "the repository itself" $bin/python -m pytest -q tests/static

if [ -n "$failed" ]; then
    echo "make check: failed:$failed" >&2
    exit 1
fi
echo "make check: all good"
