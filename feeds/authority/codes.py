"""Codes of messages to authorities, each with its list. None is made up: what has no code has none."""

from __future__ import annotations

from typing import Final

DOCUMENTS: Final = "UNTDID 1001"
"""How a regime calls the list of document types."""
STATUSES: Final = "UN/ECE Recommendation 24"
"""How a regime calls the list of statuses."""
ROAD_REC19: Final = "3"
"""UN/ECE Recommendation 19: road transport."""
ROAD_CN: Final = "4"
"""China Customs' list of modes of transport: road. Never the number of the other list."""

FUNCTION_1225: Final = {"original": "9", "replace": "5", "cancel": "1"}
"""UNTDID 1225, message function."""
FUNCTION_CN: Final = {"original": "2", "replace": "5", "cancel": "3"}
"""China's road manifest: 2 add, 5 change request, 3 delete request."""

STATUS_24: Final = {
    "approaching": "31",  # en route
    "arrived": "1",  # arrival completed
    "crossed": "16",  # crossed border
    "arrived_entry": "1",
    "released": "12",  # cleared by customs
    "request": "128",  # awaiting customs import release
}
"""UN/ECE Recommendation 24, by what is told."""
DEPARTED_24: Final = "24"
"""Departure completed: instead of 16 where the message is about leaving."""

DECISION_24: Final = {"release": "12", "inspect": "228", "detain": "17", "wait": "126", "withdraw": None}
"""Recommendation 24 for a decision: cleared, inspection required, clearance refused, in progress."""
DECISION_7365: Final = {"release": "4", "inspect": "5", "detain": "7"}
"""EDIFACT 7365, goods released, selected, detained."""
