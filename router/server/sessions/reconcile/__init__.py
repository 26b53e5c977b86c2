"""Reconcile: a client's own list of live calls and agents against the router's, and the repair of what differs."""

from router.server.sessions.reconcile.ground import LOST_REASON
from router.server.sessions.reconcile.reconciliation import Reconciliation
from router.server.sessions.reconcile.report import Report, read_report

__all__ = ["LOST_REASON", "Reconciliation", "Report", "read_report"]
