"""What came of what a device sent: numbers received and missing, the chain, silences. Pure.

``Starts`` follows the reports in log order; ``statement`` tells of one start of a device. The same reports in
any order, doubled and split in any way give the same statement.
"""

from feeds.completeness.around import Around
from feeds.completeness.packed import unpack
from feeds.completeness.start import Start
from feeds.completeness.starts import Starts
from feeds.completeness.statement import History, chain_at, statement
from feeds.completeness.summary import summary

__all__ = ["Around", "History", "Start", "Starts", "chain_at", "statement", "summary", "unpack"]
