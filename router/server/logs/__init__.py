"""Logs: a line for each thing worth saying, as text or JSON, with who and what it is about, that holds nobody up."""

from router.server.logs.setup import FORMATS, LEVELS, set_up_logs

__all__ = ["FORMATS", "LEVELS", "set_up_logs"]
