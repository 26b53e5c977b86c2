"""Wait estimates beside the routing: futures on a thread of their own, limits on estimates, and who is told what."""

from router.server.estimation.estimation import Estimation
from router.server.estimation.meter import EstimateMeter
from router.server.estimation.watching import WaitHub, Wanted

__all__ = ["EstimateMeter", "Estimation", "WaitHub", "Wanted"]
