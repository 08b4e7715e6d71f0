"""What runs were and what came out: a line a run, kept for good."""

from mmseg_splashkd.engine.records.ledger import LEDGER, read_ledger
from mmseg_splashkd.engine.records.table import TABLE
from mmseg_splashkd.engine.records.tested import RECORD, evaluate_and_record

__all__ = ["LEDGER", "RECORD", "TABLE", "evaluate_and_record", "read_ledger"]
