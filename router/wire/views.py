"""Views, explanations and statistics on the wire.

Keeps one invariant: a view read over gRPC equals the view that the engine gives in process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from router.engine.views import (
    AgentView,
    Bar,
    CallExplanation,
    CallView,
    Candidate,
    Decision,
    Eligibility,
    Engagement,
    LearnedEfficiency,
    QueueView,
    Statistics,
    Term,
)
from router.engine.vocabulary import Obstacle
from router.v1 import explanations_pb2, views_pb2
from router.wire.vocabulary import OBSTACLE, REGISTRY

REGISTRY.add(Bar, views_pb2.Bar)
REGISTRY.add(Engagement, views_pb2.Engagement)
REGISTRY.add(LearnedEfficiency, views_pb2.LearnedEfficiency)
CALL_VIEW = REGISTRY.add(CallView, views_pb2.CallView)
AGENT_VIEW = REGISTRY.add(AgentView, views_pb2.AgentView)
QUEUE_VIEW = REGISTRY.add(QueueView, views_pb2.QueueView)
STATISTICS = REGISTRY.add(Statistics, views_pb2.Statistics)

REGISTRY.add(Term, explanations_pb2.Term)
REGISTRY.add(Candidate, explanations_pb2.Candidate)


def _read_obstacles(numbers: Iterable[int]) -> tuple[Any, ...]:
    """Return the obstacles; what only a newer server knows is left out."""
    return tuple(OBSTACLE.to_python[number] for number in numbers if number in OBSTACLE.to_python)


def _write_obstacles(obstacles: Iterable[Obstacle]) -> list[int]:
    return [OBSTACLE.to_wire[obstacle] for obstacle in obstacles]


def _read_counts(counts: Iterable[explanations_pb2.ObstacleCount]) -> dict[Any, int]:
    known = OBSTACLE.to_python
    return {known[count.obstacle]: count.agents for count in counts if count.obstacle in known}


def _write_counts(counts: Mapping[Obstacle, int]) -> list[explanations_pb2.ObstacleCount]:
    wire: Mapping[Any, Any] = OBSTACLE.to_wire
    return [explanations_pb2.ObstacleCount(obstacle=wire[one], agents=agents) for one, agents in counts.items()]


REGISTRY.add_list("Eligibility.obstacles", _read_obstacles, _write_obstacles)
REGISTRY.add_list("CallExplanation.obstacles", _read_counts, _write_counts)
DECISION = REGISTRY.add(Decision, explanations_pb2.Decision)
CALL_EXPLANATION = REGISTRY.add(CallExplanation, explanations_pb2.CallExplanation)
ELIGIBILITY = REGISTRY.add(Eligibility, explanations_pb2.Eligibility)
