#!/bin/sh
# Builds the wheel, verifies without its extras, and imports every package of it, in a clean environment.
set -eu
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
.venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$out" .
"${PYTHON:-python3}" -m venv "$out/venv"
"$out/venv/bin/python" -m pip install --quiet --disable-pip-version-check -c requirements.lock "$(ls "$out"/*.whl)"
(cd "$out" && "$out/venv/bin/corridor" verify --help >/dev/null && "$out/venv/bin/python" -c "import feeds.verify.verifier")
"$out/venv/bin/python" -m pip install --quiet --disable-pip-version-check -c requirements.lock "$(ls "$out"/*.whl)[server]"
cd "$out"
"$out/venv/bin/python" - <<'PY'
import importlib.resources as files
import api.app, corridor.__main__, feeds.readmodel, firmware_sim.run, authority_sim.run, gateway.service, geofences, streams.engine
zones, gates = geofences.world()
assert zones and gates, "zones are missing from the wheel"
assert files.files("api").joinpath("web/dist/index.html").is_file(), "the page is missing from the wheel"
assert files.files("gateway").joinpath("can/j1939.dbc").is_file(), "the DBC is missing from the wheel"
print("the wheel imports and has its data")
PY
"$out/venv/bin/corridor" --help >/dev/null
