#!/bin/sh
# Builds the docs site: docs/ and the lessons -> build/docs. What builds it is installed when it is first called.
set -eu
cd "$(dirname "$0")/.."
want=$(cksum < requirements-docs.txt)
if [ "$(cat .venv/.docs-stamp 2>/dev/null)" != "$want" ]; then
    echo "umbel docs: installing what builds the site"
    UV_LINK_MODE="${UV_LINK_MODE:-copy}" UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}" \
        .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements-docs.txt
    echo "$want" > .venv/.docs-stamp
fi
exec .venv/bin/python -m scripts.docs_site "$@"
