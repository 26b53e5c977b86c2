"""skill-router: skill-based call routing.

`Engine` is the deterministic routing engine; commands go in, events come out:

>>> import router
>>> engine = router.Engine(router.Settings(queues={"loans": router.QueueSettings()}), time_us=0)
>>> _ = engine.apply(router.SignIn("ada", skills={"loans": 7}), 1_000_000)
>>> [type(event).__name__ for event in engine.apply(router.Enqueue("call-1", "loans"), 2_000_000)]
['CallEnqueued', 'OfferMade']
"""

from router.engine import *  # noqa: F403
from router.engine import __all__ as __all__
