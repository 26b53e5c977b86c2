"""What a set of futures says of one call. Waits are of a caller who stays; weights say how likely that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class TargetWaits:
    """The waits of one target, one for each future.

    `call`: its name; None is the hypothetical call. `position`: in its queue, from 1; 0 where a hypothetical call is
    presented to an agent at once, or refused. `waited_us`: so far, downtimes left out. `waits_s`: seconds from
    `taken_us` of the set until an agent takes the call, ring included. `weights`: the chance that the caller would
    still be there. `beyond`: how many waits met the horizon. `refused`: in how many futures the engine refused the
    call, since its wait limit was met or its queues were full; both kinds count as waits up to the horizon.
    """

    call: str | None
    position: int
    waited_us: int
    waits_s: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    beyond: int
    refused: int

    def mean_s(self, *, weighted: bool = False) -> float:
        """Return the mean wait if the caller stays; `weighted`: of those who are answered. Raises `ValueError`."""
        return float(np.average(self._waits(), weights=self._weights(weighted)))

    def quantile_s(self, share: float, *, weighted: bool = False) -> float:
        """Return the wait that a share (0 to 1) of the futures does not exceed. Raises `ValueError`."""
        if not 0 <= share <= 1:
            raise ValueError(f"share: {share!r} is out of range; 0 to 1 is wanted")
        waits = self._waits()
        weights = self._weights(weighted)
        by_wait = np.argsort(waits, kind="stable")
        reached = np.cumsum(weights[by_wait])
        place = int(np.searchsorted(reached, share * reached[-1]))
        return float(waits[by_wait[min(place, len(waits) - 1)]])

    def _waits(self) -> npt.NDArray[np.float64]:
        if len(self.waits_s) == 0:
            raise ValueError("no future was run to its end")
        return self.waits_s.astype(np.float64)

    def _weights(self, weighted: bool) -> npt.NDArray[np.float64]:
        """Return ones where nobody would be left."""
        weights = self.weights.astype(np.float64)
        return weights if weighted and weights.sum() > 0 else np.ones(len(weights))
