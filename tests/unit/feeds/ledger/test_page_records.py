"""The records that the page's own tests check are what the ledger makes today."""

from __future__ import annotations

import base64

from feeds.ledger import proof
from feeds.ledger.note import parse_verifier
from tests.unit.feeds.ledger.page_records import FILE, made, text


def test_the_file_of_the_pages_tests_is_made_by_todays_code() -> None:
    assert FILE.read_bytes() == text(), "run python -m tests.unit.feeds.ledger.page_records"


def test_its_proofs_hold() -> None:
    told = made()
    log, witness = parse_verifier(told["keys"][0]), parse_verifier(told["witnesses"][0])
    for record in told["records"]:
        opened = proof.parse(record["proof"]).verify(base64.b64decode(record["entry"]), log, [witness])
        assert opened.checkpoint.size == 11
        assert opened.witnesses == {"witness.example": 1_795_000_060}
