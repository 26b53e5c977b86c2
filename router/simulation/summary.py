"""Many runs of one scenario as means with intervals: for the whole, by queue, callers, group and agent.

Invariant: a figure is read from each run on its own and then averaged, so that runs stay independent observations.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from router.simulation.metrics import read_agents, read_calls, read_queue, read_run
from router.simulation.results import AgentFigures, CallFigures, Replication
from router.simulation.scenario.model import Callers
from router.simulation.student import Estimate, estimate

Figures = Mapping[str, float | None]  # of one subject in one run, by metric
Estimates = dict[str, Estimate]  # of one subject over all runs, by metric


class Scope(Enum):
    """Kinds of subjects that have figures."""

    QUEUES = "queues"
    CALLERS = "callers"
    GROUPS = "groups"
    AGENTS = "agents"


class Summary(Struct, frozen=True, kw_only=True):
    """Estimates by metric: overall, and for each subject by its name."""

    replications: int
    overall: Estimates
    queues: dict[str, Estimates]
    callers: dict[str, Estimates]
    groups: dict[str, Estimates]
    agents: dict[str, Estimates]

    def subjects(self, scope: Scope) -> dict[str, Estimates]:
        """Return the subjects of a kind."""
        found: dict[str, Estimates] = getattr(self, scope.value)
        return found

    def all_estimates(self) -> Iterator[tuple[str, str, Estimate]]:
        """Yield everything: the subject (a path such as `queues.loans`), the metric and its estimate."""
        places = {"overall": self.overall}
        for scope in Scope:
            places |= {f"{scope.value}.{name}": found for name, found in self.subjects(scope).items()}
        for place, estimates in places.items():
            yield from ((place, metric, found) for metric, found in estimates.items())


def summarise(runs: Sequence[Replication], callers: Sequence[Callers] = ()) -> Summary:
    """Return the estimates of the runs' figures. A subject that some runs lack counts as having no figures there.

    `callers`: the scenario's; first-call resolution of a queue and of all is then of those whose resolution is told.
    """
    if not runs:
        raise ValueError("there are no runs; at least one is right")
    runs = [_first_calls_told(run, callers) for run in runs]
    return Summary(
        replications=len(runs),
        overall=estimate_each([read_run(run) for run in runs]),
        queues=_by_name(
            [{name: read_queue(queue, run.length_us) for name, queue in run.queues.items()} for run in runs]
        ),
        callers=_by_name([{name: read_calls(calls) for name, calls in run.callers.items()} for run in runs]),
        groups=_by_name([_read_groups(run) for run in runs]),
        agents=_by_name([{agent.agent: read_agents((agent,), run.length_us) for agent in run.agents} for run in runs]),
    )


def _first_calls_told(run: Replication, callers: Sequence[Callers]) -> Replication:
    """Return the run without the first calls, in all and by queue, of callers whose resolution nobody tells."""

    def without(calls: CallFigures, names: Iterable[str]) -> CallFigures:
        return replace(calls, first_calls=calls.first_calls - sum(run.callers[name].first_calls for name in names))

    untold = {each.name: each.queue for each in callers if not each.resolution_by_level and each.name in run.callers}
    queues = {
        name: replace(queue, calls=without(queue.calls, [each for each, where in untold.items() if where == name]))
        for name, queue in run.queues.items()
    }
    return replace(run, calls=without(run.calls, untold), queues=queues)


def estimate_each(figures: Sequence[Figures]) -> Estimates:
    """Return an estimate of every figure; `figures` has one entry a run."""
    names = dict.fromkeys(name for run in figures for name in run)
    return {name: estimate([run.get(name) for run in figures]) for name in names}


def _read_groups(run: Replication) -> dict[str, Figures]:
    groups: dict[str, list[AgentFigures]] = {}
    for agent in run.agents:
        groups.setdefault(agent.group, []).append(agent)
    return {name: read_agents(agents, run.length_us) for name, agents in groups.items()}


def _by_name(runs: Sequence[Mapping[str, Figures]]) -> dict[str, Estimates]:
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: estimate_each([run.get(name, {}) for run in runs]) for name in names}
