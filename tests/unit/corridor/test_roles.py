"""The verbs of the distributed system where its packages are not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

_WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("confluent_kafka", "faust", "influxdb_client"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from corridor.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _WITHOUT, *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_help_needs_none_of_them() -> None:
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "words", ["gateway", "worker", "api", "deliver", "store run", "ledger run", "store create", "topics list"]
)
def test_a_role_says_what_to_install(words: str) -> None:
    done = run(*words.split())
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert 'pip install "corridor[server,distributed]"' in done.stderr
