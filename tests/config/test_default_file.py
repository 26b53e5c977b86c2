"""The file that `init-config` writes: valid, complete, and saying the defaults that the code has."""

from __future__ import annotations

import tomllib

from router.config import EstimateSettings, ServerSettings, default_config_text, parse_config, preset_of
from router.config.estimates import ESTIMATES
from router.config.kinds import Table
from router.config.schema import (
    BASE_QUEUE,
    CHANNEL,
    EFFICIENCY,
    ENGINE,
    QUEUE,
    SERVER,
    STEP,
    TOP_KEYS,
)
from router.engine import Engine, Settings

DOCUMENT = tomllib.loads(default_config_text())
CONFIG = parse_config(default_config_text(), "default.toml")


def keys_used(tables: list[dict[str, object]]) -> set[str]:
    """Return the keys that any of the tables has."""
    return {key for table in tables for key in table}


def test_it_has_every_key() -> None:
    assert set(DOCUMENT) == set(TOP_KEYS)
    assert set(DOCUMENT["server"]) == set(SERVER.keys)
    assert set(DOCUMENT["estimates"]) == set(ESTIMATES.keys)
    assert set(DOCUMENT["engine"]) == set(ENGINE.keys)
    assert set(DOCUMENT["efficiency"]) == set(EFFICIENCY.keys)
    assert keys_used(list(DOCUMENT["channels"].values())) == set(CHANNEL.keys)
    inherited = {name for name, key in QUEUE.keys.items() if key.inherited}
    assert set(DOCUMENT["queue_defaults"]) == inherited
    for name in inherited:
        kind = QUEUE.keys[name].kind
        if isinstance(kind, Table):
            assert set(DOCUMENT["queue_defaults"][name]) == set(kind.keys)
    queues = list(DOCUMENT["queues"].values())
    steps = [step for queue in queues for step in queue.get("steps", [])]
    assert keys_used(queues) >= set(QUEUE.keys) - inherited - {"any_of"}
    assert {"after", "skills", "any_of"} <= keys_used(steps) <= set(STEP.keys)


def test_it_says_the_defaults() -> None:
    assert CONFIG.server == ServerSettings()
    assert CONFIG.estimates == EstimateSettings()
    defaults = Settings()
    for field in Settings.__struct_fields__:
        if field not in ("queues", "channels"):
            assert getattr(CONFIG.settings, field) == getattr(defaults, field)
    text = default_config_text()
    start, end = text.index("[queue_defaults]"), text.index("# --- The queues")
    settings = parse_config(f"{text[start:end]}\n[queues.bare]\n", "x").settings
    assert settings.queues["bare"] == BASE_QUEUE


def test_it_is_a_bank_with_the_lines_of_business_it_names() -> None:
    queues = CONFIG.settings.queues
    assert {"loans", "repayment", "complaints", "card_loss"} <= set(queues)
    assert all(queue.overflow is None or queue.overflow in queues for queue in queues.values())
    presets = {preset_of(queue.agent_weights, queue.call_weights) for queue in queues.values()}
    assert len(presets) >= 3


def test_every_key_has_its_comment() -> None:
    """Up to the queues, each key has a comment on its line, or its paragraph begins with one."""
    text = default_config_text()
    for paragraph in text[: text.index("# --- The queues")].split("\n\n"):
        lines = paragraph.strip().split("\n")
        if not lines[0].startswith("#"):
            assert [line for line in lines if " = " in line and "#" not in line] == []


def test_the_engine_takes_it() -> None:
    assert Engine(CONFIG.settings, time_us=0).settings == CONFIG.settings
