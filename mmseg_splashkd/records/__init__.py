"""Records of runs: what was trained, on what, and what came out."""

from mmseg_splashkd.records.ledger import LEDGER, read_ledger
from mmseg_splashkd.records.table import TABLE

__all__ = ["LEDGER", "TABLE", "read_ledger"]
