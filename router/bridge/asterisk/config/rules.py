"""Rules: what a caller brings (Stasis arguments, dialled number, channel variables) -> which queue, and how.

The first rule that fits counts. What a rule takes from the call and cannot be used (a priority that is no number) is
left out and told to `notice`: a caller is not turned away for it.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from router.bridge.asterisk.config.templates import Template
from router.bridge.asterisk.floor_settings import (
    Admit,
    Arrival,
    Decision,
    Feature,
    FeatureKind,
    KeyAction,
    Unwanted,
)
from router.engine.commands import Enqueue
from router.engine.limits import LEVEL_MAX, NAME_BYTES_MAX, TERMS_MAX
from router.engine.requirements import Requirement, SkillTerm, Step
from router.engine.vocabulary import Urgency

FEATURE_WORDS: Final = {kind.value.replace("_", "-"): kind for kind in FeatureKind}
FEATURE_ARGUMENT: Final = "agent"
URGENCY_WORDS: Final = {"normal": Urgency.NORMAL, "important": Urgency.IMPORTANT, "urgent": Urgency.URGENT}
PREFERRED_MAX: Final = 16
PRIORITY_MAX: Final = 9
ATTRIBUTE_BYTES_MAX: Final = 1_024
_NUMBER: Final = re.compile(r"\+?[0-9]{1,32}")
"""No * nor #: what begins with them is mostly no number but a code, such as one that forwards a line."""
_FILLERS: Final = re.compile(r"[ ()/.-]")
_ZERO_AT_HOME: Final = re.compile(r"^(\s*\+[^(]*)\(0\)")
"""In +49 (0)171 …: it is dialled only without the +49."""
_SEPARATORS: Final = re.compile(r"[,&]")

Notice = Callable[[Arrival, str], None]


class Pattern(msgspec.Struct, frozen=True):
    """One or more patterns as a shell has them: `*` for anything, `?` for one character, `[0-9]` for one of these."""

    texts: tuple[str, ...]

    def fits(self, text: str) -> bool:
        return any(fnmatch.fnmatchcase(text, pattern) for pattern in self.texts)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: which callers it is about, and what becomes of them."""

    args: tuple[Pattern, ...] = ()
    number: Pattern | None = None
    context: Pattern | None = None
    caller: Pattern | None = None
    if_variables: Mapping[str, Pattern] = {}
    queue: Template
    requirement: Requirement | None = None
    skills_text: Template | None = None
    urgency: Template | None = None
    priority: Template | None = None
    customer: Template | None = None
    preferred_agents: tuple[Template, ...] = ()
    hold_us: int | None = None
    attributes: Mapping[str, Template] = {}
    channel: str = "voice"
    explain: bool = False
    answer: bool | None = None
    music_class: str | None = None
    keys: Mapping[str, KeyAction] | None = None

    def fits(self, arrival: Arrival) -> bool:
        """Return whether it is about this caller."""
        if len(arrival.args) < len(self.args):
            return False
        return (
            all(pattern.fits(arg) for pattern, arg in zip(self.args, arrival.args, strict=False))
            and (self.number is None or self.number.fits(arrival.number))
            and (self.context is None or self.context.fits(arrival.context))
            and (self.caller is None or self.caller.fits(arrival.caller_number))
            and all(p.fits(arrival.variables.get(name, "")) for name, p in self.if_variables.items())
        )

    def variables(self) -> set[str]:
        """Return the channel variables that it looks at."""
        templates = (self.queue, self.skills_text, self.urgency, self.priority, self.customer)
        used = [one for one in (*templates, *self.preferred_agents, *self.attributes.values()) if one is not None]
        return {name for template in used for name in template.variables} | set(self.if_variables)


class CallRules(msgspec.Struct, frozen=True):
    """All rules, and the feature codes of agents."""

    rules: tuple[Rule, ...]
    codes: Mapping[str, FeatureKind] = {}
    notice: Notice | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the channel variables that the rules look at."""
        return tuple(sorted({name for rule in self.rules for name in rule.variables()}))

    def __call__(self, arrival: Arrival) -> Decision:
        """Return what becomes of somebody who called in."""
        feature = self._feature(arrival)
        if feature is not None:
            return feature
        for rule in self.rules:
            if rule.fits(arrival):
                decision = _Filling(rule, arrival, self.notice).decision()
                if decision is not None:
                    return decision
        return Unwanted(f"no rule fits the arguments {','.join(arrival.args)!r} and the number {arrival.number!r}")

    def _feature(self, arrival: Arrival) -> Decision | None:
        """Return what an agent wants: `agent,sign-in[,AGENT[,REASON]]` as arguments, or a code that was dialled."""
        if arrival.args and arrival.args[0] == FEATURE_ARGUMENT:
            word, agent, reason = (*arrival.args[1:4], "", "", "")[:3]
            kind = FEATURE_WORDS.get(word)
            if kind is None:
                return Unwanted(f"{word!r} is no feature; {', '.join(FEATURE_WORDS)} are")
            return Feature(kind, agent.strip(), reason.strip())
        if arrival.number in self.codes:
            return Feature(self.codes[arrival.number])
        return None


class _Filling:
    """A rule filled with what one call brings."""

    def __init__(self, rule: Rule, arrival: Arrival, notice: Notice | None) -> None:
        self._rule = rule
        self._arrival = arrival
        self._notice = notice

    def decision(self) -> Admit | None:
        """Return the decision; None if the queue's name comes out empty."""
        rule = self._rule
        queue = rule.queue.fill(self._arrival)
        if not queue:
            return None
        enqueue = Enqueue(
            "",
            queue,
            channel=rule.channel,
            requirement=self._requirement(),
            urgency=self._urgency(),
            priority=self._priority(),
            preferred_agents=self._preferred(),
            hold_us=rule.hold_us,
            customer=self._name("customer", rule.customer),
            attributes=self._attributes(),
            explain=rule.explain,
        )
        return Admit(enqueue, answer=rule.answer, music_class=rule.music_class, keys=rule.keys)

    def _fill(self, template: Template | None) -> str:
        return "" if template is None else template.fill(self._arrival)

    def _requirement(self) -> Requirement | None:
        text = self._fill(self._rule.skills_text)
        if text:
            requirement = requirement_of(text)
            if requirement is not None:
                return requirement
            self._tell("skills", text, "loans=3&german and the like")
        return self._rule.requirement

    def _urgency(self) -> Urgency:
        text = self._fill(self._rule.urgency).lower()
        if text and text not in URGENCY_WORDS:
            self._tell("urgency", text, ", ".join(URGENCY_WORDS))
        return URGENCY_WORDS.get(text, Urgency.NORMAL)

    def _priority(self) -> int:
        text = self._fill(self._rule.priority)
        if re.fullmatch(f"[0-{PRIORITY_MAX}]", text):
            return int(text)
        if text:
            self._tell("priority", text, f"0 to {PRIORITY_MAX}")
        return 0

    def _preferred(self) -> tuple[str, ...]:
        filled = [self._fill(template) for template in self._rule.preferred_agents]
        names = [name.strip() for text in filled for name in _SEPARATORS.split(text)]
        right = [name for name in dict.fromkeys(names) if _is_name(name)]
        if len(right) > PREFERRED_MAX or any(name and not _is_name(name) for name in names):
            self._tell("preferred_agents", ",".join(names), f"at most {PREFERRED_MAX} names of agents")
        return tuple(right[:PREFERRED_MAX])

    def _name(self, key: str, template: Template | None) -> str:
        text = self._fill(template)
        if text and not _is_name(text):
            self._tell(key, text, f"at most {NAME_BYTES_MAX} bytes without control characters")
            return ""
        return text

    def _attributes(self) -> dict[str, str]:
        filled = {name: self._fill(template) for name, template in self._rule.attributes.items()}
        return {name: text for name, text in filled.items() if text and len(text.encode()) <= ATTRIBUTE_BYTES_MAX}

    def _tell(self, key: str, text: str, wanted: str) -> None:
        if self._notice is not None:
            self._notice(
                self._arrival, f"{key}: {text[:100]!r} cannot be used and is left out; {wanted} would be right"
            )


def requirement_of(text: str) -> Requirement | None:
    """Return the requirement of a text such as `loans=3&german`; None if it is none. Without a level it is 1."""
    levels: dict[str, int] = {}
    for part in _SEPARATORS.split(text):
        skill, equals, level = (piece.strip() for piece in part.partition("="))
        if not skill and not equals:
            continue
        level = level if equals else "1"
        if not _is_name(skill) or not re.fullmatch("[0-9]{1,2}", level) or not 1 <= int(level) <= LEVEL_MAX:
            return None
        levels[skill] = int(level)
    if not 1 <= len(levels) <= TERMS_MAX:
        return None
    return Requirement((Step(tuple(SkillTerm(skill, level) for skill, level in sorted(levels.items()))),))


def may_call(number: str, allowed: Pattern) -> bool:
    """Say whether a number is one, and may be called."""
    return _NUMBER.fullmatch(number) is not None and allowed.fits(number)


def number_of(template: Template, allowed: Pattern) -> Callable[[Arrival], str]:
    """Return a function that says whom to call back: nothing if that is no number, or none that may be called."""

    def number(arrival: Arrival) -> str:
        text = _FILLERS.sub("", _ZERO_AT_HOME.sub(r"\1", template.fill(arrival)))
        return text if may_call(text, allowed) else ""

    return number


def _is_name(text: str) -> bool:
    controls = any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in text)
    return 0 < len(text.encode(errors="replace")) <= NAME_BYTES_MAX and not controls


def fields_of_demand(fields: Mapping[str, Any]) -> bool:
    """Return whether a rule's keys make a requirement."""
    return any(key in fields for key in ("skills", "any_of", "agent", "prefer", "steps"))
