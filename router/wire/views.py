"""Views, explanations and statistics on the wire.

Keeps one invariant: a view read over gRPC equals the view that the engine gives in process.
"""

from __future__ import annotations

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
from router.v1 import explanations_pb2, views_pb2
from router.wire.vocabulary import REGISTRY

REGISTRY.add(Bar, views_pb2.Bar)
REGISTRY.add(Engagement, views_pb2.Engagement)
REGISTRY.add(LearnedEfficiency, views_pb2.LearnedEfficiency)
CALL_VIEW = REGISTRY.add(CallView, views_pb2.CallView)
AGENT_VIEW = REGISTRY.add(AgentView, views_pb2.AgentView)
QUEUE_VIEW = REGISTRY.add(QueueView, views_pb2.QueueView)
STATISTICS = REGISTRY.add(Statistics, views_pb2.Statistics)

REGISTRY.add(Term, explanations_pb2.Term)
REGISTRY.add(Candidate, explanations_pb2.Candidate)
DECISION = REGISTRY.add(Decision, explanations_pb2.Decision)
CALL_EXPLANATION = REGISTRY.add(CallExplanation, explanations_pb2.CallExplanation)
ELIGIBILITY = REGISTRY.add(Eligibility, explanations_pb2.Eligibility)
