"""What operators see of a server as numbers: counted cheaply as it happens, written for Prometheus when asked."""

from router.server.metrics.metrics import Metrics

__all__ = ["Metrics"]
