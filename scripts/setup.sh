#!/bin/sh
# Makes .venv with every pinned dependency and the `umbel` command. Needs only python3 >= 3.11 with venv.
# Does nothing when nothing changed. PYTHON=... chooses the interpreter for a new .venv.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "umbel setup: $1" >&2
    exit 1
}

# What the installation is made from, and where it is: a moved checkout or a changed pin makes it anew.
want="$(cat requirements-dev.txt pyproject.toml scripts/setup.sh | cksum) $(pwd -P)"
recent='import sys; sys.exit(sys.version_info < (3, 11))'
healthy=no

# The web pages are built when their sources changed. The server works without them and says how to get them.
pages() {
    [ -n "${UMBEL_SKIP_UI:-}" ] || scripts/ui.sh || echo "umbel setup: going on without the web pages" >&2
}

if .venv/bin/python -c "$recent" 2>/dev/null; then
    healthy=yes
    if [ "$(cat .venv/.stamp 2>/dev/null)" = "$want" ] && [ -x .venv/bin/umbel ]; then
        pages
        exit 0
    fi
    case "$(cat .venv/.stamp 2>/dev/null)" in
        "" | *" $(pwd -P)") ;;
        *) healthy=no ;; # made for another place: its scripts point there
    esac
fi

# Caches are a convenience: without a writable home, do without.
cache=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}
if ! { mkdir -p "$cache" && [ -w "$cache" ]; } 2>/dev/null; then
    export UV_NO_CACHE=1 PIP_NO_CACHE_DIR=1
fi
# uv trusts its own list of certificates unless told; a company's proxy is in the system's.
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 UV_LINK_MODE="${UV_LINK_MODE:-copy}" UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH || true

if [ "$healthy" = no ]; then
    python=
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c "$recent" 2>/dev/null; then
            python=$candidate
            break
        fi
    done
    [ -n "$python" ] || fail "needs Python 3.11 or newer, and none of ${PYTHON:-python3, python3.13, python3.12, python3.11} is one; install it and run make setup again."
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$("$python" --version) has no venv module; install it (on Debian and Ubuntu: apt install python3-venv) and run make setup again."
    echo "umbel setup: making .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv || fail "could not make .venv in $(pwd -P); see the message above."
fi

# uv installs in a third of pip's time; pip is the way that always works.
by_pip() { .venv/bin/python -m pip install --quiet "$@"; }
by_uv() { "$uv" pip install --quiet --python .venv/bin/python "$@"; }
uv=$(command -v uv || true)
if [ -z "$uv" ] && by_pip --require-hashes -r scripts/requirements-uv.txt; then
    uv=.venv/bin/uv
fi
echo "umbel setup: installing the pinned dependencies"
if [ -n "$uv" ] && by_uv --require-hashes -r requirements-dev.txt; then
    by_uv --no-deps --no-build-isolation -e . || fail "could not install the project itself; see the message above."
else
    echo "umbel setup: uv could not do it; pip takes longer"
    by_pip --require-hashes -r requirements-dev.txt || fail "could not install the dependencies; see the message above."
    by_pip --no-deps --no-build-isolation -e . || fail "could not install the project itself; see the message above."
fi
# Where Python may not keep what it compiles, every process would compile all its libraries again: seconds each time.
if [ -n "${PYTHONDONTWRITEBYTECODE:-}" ]; then
    .venv/bin/python -m compileall -q -j 0 .venv/lib src >/dev/null 2>&1 || true
fi
echo "$want" > .venv/.stamp
pages
echo "umbel setup: ready (.venv/bin/umbel)"
