"""The registry of codecs, with every enumeration and requirement known to it.

Keeps one invariant: enum members are matched by name, so a number may differ on the two sides without harm.
"""

from __future__ import annotations

from router.engine.limits import PREFERENCES_MAX, STEPS_MAX, TERMS_MAX
from router.engine.requirements import AgentTerm, AnyOf, Preference, Requirement, SkillTerm, Step
from router.engine.vocabulary import (
    AssignmentCause,
    Availability,
    CallState,
    EngagementState,
    LimitCause,
    NoAnswerAction,
    Obstacle,
    RejectReason,
    Tier,
    Urgency,
    WithdrawalCause,
)
from router.v1 import errors_pb2, requirements_pb2, vocabulary_pb2
from router.wire.codec import Registry
from router.wire.problems import Malformed

REGISTRY = Registry()

for _python in (
    AssignmentCause,
    Availability,
    CallState,
    EngagementState,
    LimitCause,
    NoAnswerAction,
    Tier,
    Urgency,
    WithdrawalCause,
):
    _descriptor = vocabulary_pb2.DESCRIPTOR.enum_types_by_name[_python.__name__]
    # the wire's name for "unspecified" is the prefix and that word
    _prefix = _descriptor.values_by_number[0].name.removesuffix("UNSPECIFIED")
    REGISTRY.add_enum(_python, _descriptor, _prefix)

CALL_STATE = REGISTRY.add_enum(CallState, vocabulary_pb2.CallState.DESCRIPTOR, "CALL_STATE_")
AVAILABILITY = REGISTRY.add_enum(Availability, vocabulary_pb2.Availability.DESCRIPTOR, "AVAILABILITY_")
OBSTACLE = REGISTRY.add_enum(Obstacle, vocabulary_pb2.Obstacle.DESCRIPTOR, "OBSTACLE_")
REJECT_REASON = REGISTRY.add_enum(RejectReason, errors_pb2.ErrorReason.DESCRIPTOR, "ERROR_REASON_")

# the engine checks these limits too; here they keep a huge message from being looked at entry by entry
REGISTRY.limit("AnyOf.terms", TERMS_MAX)
REGISTRY.limit("Step.terms", TERMS_MAX)
REGISTRY.limit("Step.prefer", PREFERENCES_MAX)
REGISTRY.limit("Requirement.steps", STEPS_MAX)

_SKILL_TERM = REGISTRY.add(SkillTerm, requirements_pb2.SkillTerm)
_AGENT_TERM = REGISTRY.add(AgentTerm, requirements_pb2.AgentTerm)
_ANY_OF = REGISTRY.add(AnyOf, requirements_pb2.AnyOf)


def _read_term(message: requirements_pb2.RequirementTerm) -> SkillTerm | AgentTerm | AnyOf:
    kind = message.WhichOneof("term")
    try:
        if kind == "skill":
            return _SKILL_TERM.decode(message.skill)
        if kind == "agent":
            return _AGENT_TERM.decode(message.agent)
        if kind == "any_of":
            return _ANY_OF.decode(message.any_of)
    except Malformed as malformed:
        raise malformed.under(str(kind)) from None
    raise Malformed("", "an empty term", "one of skill, agent, any_of")


def _write_term(term: SkillTerm | AgentTerm | AnyOf) -> requirements_pb2.RequirementTerm:
    if isinstance(term, SkillTerm):
        return requirements_pb2.RequirementTerm(skill=_SKILL_TERM.encode(term))
    if isinstance(term, AgentTerm):
        return requirements_pb2.RequirementTerm(agent=_AGENT_TERM.encode(term))
    return requirements_pb2.RequirementTerm(any_of=_ANY_OF.encode(term))


REGISTRY.add_special(requirements_pb2.RequirementTerm, _read_term, _write_term)
REGISTRY.add(Preference, requirements_pb2.Preference)
REGISTRY.add(Step, requirements_pb2.Step)
REQUIREMENT = REGISTRY.add(Requirement, requirements_pb2.Requirement)
