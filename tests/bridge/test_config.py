"""bridge.toml: what it comes to, and what is said of a file that is wrong."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.bridge.asterisk.causes import Ending, LegEnd
from router.bridge.asterisk.config import BridgeConfig, example_text, load_bridge, parse_bridge
from router.bridge.asterisk.config.schema import TABLES
from router.bridge.asterisk.floor_settings import Arrival, FeatureKind, Place, Transfers
from router.config import ConfigError
from router.engine.commands import SignIn

SMALL = '[ari]\nuser = "router"\npassword_env = "WORD"\n'
WORDS = {"WORD": "secret", "TOKEN": "skr_1"}


def read(text: str = "", head: str = SMALL) -> BridgeConfig:
    return parse_bridge(head + text, "bridge.toml", Path(), WORDS)


def problems(text: str, head: str = SMALL) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        read(text, head)
    return [str(problem) for problem in raised.value.problems]


def test_the_smallest_config_takes_the_first_argument_for_the_queue() -> None:
    config = read()
    assert config.ari.url == "http://127.0.0.1:8088"
    assert config.ari.password == "secret"
    assert config.router.address == "127.0.0.1:50051"
    assert config.floor.after_agent is None
    assert config.floor.fallback == config.floor.refused == Place()
    decision = config.floor.rules(Arrival("1.1", "PJSIP/x-1", ("loans",)))
    assert decision.enqueue.queue == "loans"  # type: ignore[union-attr]


def test_the_example_is_valid_and_shows_every_key() -> None:
    text = example_text()
    config = parse_bridge(text, "bridge.toml", Path(), {"ARI_PASSWORD": "x"})
    assert config.floor.agents.endpoint_of("ada") == "PJSIP/ada"
    for name, table in TABLES.items():
        assert f"[{name}]" in text or f"# [{name}]" in text or name == "calls"
        missing = [key for key in table.keys if f"{key} = " not in text and key not in ("rules", "endings")]
        assert not [key for key in missing if not key.endswith("_file")], name


def test_every_default_of_the_example_is_the_default() -> None:
    # what is shown behind a # is what counts without it
    text = example_text()
    shown = parse_bridge(text, "bridge.toml", Path(), {"ARI_PASSWORD": "x"})
    lines = []
    for line in text.splitlines():
        bare = line.removeprefix("# ")
        key = bare.partition(" = ")[0]
        is_choice = key in _NO_DEFAULTS or "." in key
        lines.append(bare if line.startswith("# ") and key.isidentifier() and not is_choice else line)
    spelled = parse_bridge("\n".join(lines), "bridge.toml", Path(), {"ARI_PASSWORD": "x"})
    assert spelled.ari == shown.ari
    assert spelled.announcements == shown.announcements
    assert spelled.router.time_limit_s == shown.router.time_limit_s
    for name in ("answer", "music_class", "patience_us", "fallback", "refused", "after_agent", "sounds"):
        assert getattr(spelled.floor, name) == getattr(shown.floor, name), name
    for name in ("ring_extra_us", "assigned_ring_us", "device_states"):
        assert getattr(spelled.floor, name) == getattr(shown.floor, name), name


_NO_DEFAULTS = {
    *("token_env", "ca", "certificate", "key", "pattern", "skills", "capacity", "caller_id", "music", "hook"),
    *("busy", "rejected", "no_answer", "congestion", "unreachable", "failed", "channel", "explain"),
    *("sign_in", "device_state", "keys", "number", "numbers", "callback"),
}


def test_what_a_file_says_arrives() -> None:
    config = read(
        """
[router]
address = "router.example:443"
client_id = "pbx-1"
token_env = "TOKEN"
tls = true

[calls]
answer = false
music = "jazz"
patience = "1m"
fallback = "from-router,closed,1"
refused = "hangup"
after_agent = "continue"

[telephones]
pattern = "PJSIP/{agent}"
skills = { general = 5 }
device_state = true
ring_extra = "2s"
endings.rejected = { not_ready = true, ready_again = "10s" }
endings.unreachable = { not_ready = true, ready_again = "never" }
endings.busy = { not_ready = false }

[agents.ada]
skills = { loans = 8 }
capacity = { voice = 1, chat = 3 }
sign_in = "start"

[agents.ben]
endpoint = "Local/ben@desks"
device_state = false

[transfers]
queues = { 1 = "loans" }
code = "*7"

[metrics]
listen = "127.0.0.1:9465"
"""
    )
    floor = config.floor
    assert (config.router.client_id, config.router.token, floor.name) == ("pbx-1", "skr_1", "pbx-1")
    assert (floor.answer, floor.music_class, floor.patience_us) == (False, "jazz", 60_000_000)
    assert floor.fallback == Place("from-router", "closed", 1)
    assert floor.refused is None
    assert floor.after_agent == Place()
    assert floor.endings[LegEnd.REJECTED] == Ending(True, 10_000_000)
    assert floor.endings[LegEnd.UNREACHABLE] == Ending(True, None)
    assert floor.endings[LegEnd.BUSY].not_ready is False
    assert floor.endings[LegEnd.CONGESTION].not_ready is False
    ada, ben = floor.agents.entry("ada"), floor.agents.entry("ben")
    assert ada is not None
    assert ben is not None
    assert (ada.endpoint, ada.at_start) == ("PJSIP/ada", True)
    assert ada.sign_in == SignIn("ada", {"loans": 8}, {"voice": 1, "chat": 3})
    assert (ben.endpoint, ben.device_state, ben.at_start) == ("Local/ben@desks", False, False)
    cleo = floor.agents.entry("cleo")
    assert cleo is not None
    assert cleo.sign_in == SignIn("cleo", {"general": 5})
    assert floor.transfers == Transfers(queues={"1": "loans"}, code="*7")
    assert config.metrics_listen == "127.0.0.1:9465"


def test_feature_codes_may_be_dialled() -> None:
    rules = read('[codes]\nsign_in = "*11"\nnot_ready = "*14"\n').floor.rules
    assert rules(Arrival("1", "PJSIP/ada-1", number="*11")).kind is FeatureKind.SIGN_IN  # type: ignore[union-attr]
    assert rules(Arrival("1", "PJSIP/ada-1", number="*14")).kind is FeatureKind.NOT_READY  # type: ignore[union-attr]


def test_all_problems_are_told_at_once_with_their_lines() -> None:
    found = problems(
        """[calls]
fallback = "foo"
[[calls.rules]]
queue = "{argh}"
priority = "x"
urgency = "urgnt"
[agents.ada]
endpoint = "PJSIP/x"
[agents.ben]
endpoint = "PJSIP/x"
[agents.cas]
[announcement]
"""
    )
    places = [problem.partition(": ")[0] + " " + problem.split(": ")[1] for problem in found]
    assert places == [
        "bridge.toml:5 calls.fallback",
        "bridge.toml:7 calls.rules[1].queue",
        "bridge.toml:8 calls.rules[1].priority",
        "bridge.toml:9 calls.rules[1].urgency",
        "bridge.toml:13 agents.ben.endpoint",
        "bridge.toml:14 agents.cas",
        "bridge.toml:15 announcement",
    ]
    assert "did you mean announcements?" in found[-1]
    assert 'did you mean "urgent"?' in found[3]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[codes]\nready = "*1"\nnot_ready = "*1"\n', "there twice"),
        ('[transfers]\nqueues = { "1#" = "loans" }\n', "has the key that ends it"),
        ('[transfers]\ncode = "*2"\n', "queues is missing"),
        ('[announcements]\nmode = "hook"\n', "the mode is hook, and there is none"),
        ('[announcements]\nmode = "digits"\nposition = false\nwait = false\n', "neither position nor wait"),
        ('[telephones]\npattern = "PJSIP/x"\n', "does not say where the name goes"),
        ("[telephones]\nendings.bussy = { not_ready = true }\n", "did you mean busy?"),
        ("[calls]\npatience = -3\n", "out of range"),
        ("[[calls.rules]]\n", "queue is missing"),
        ('[[calls.rules]]\nqueue = "a{"\n', "a { without its }"),
        ('[[calls.rules]]\nqueue = "a"\nskills = { loans = 11 }\n', "out of range"),
        ('[[calls.rules]]\nqueue = "a"\nvariables = { "a b" = "x" }\n', "not right here"),
        ('[router]\ncertificate = "nowhere.pem"\n', "a certificate and its key go together"),
        ('[router]\nca = "nowhere.pem"\n', "cannot be read: No such file or directory"),
        ('[router]\ntoken_env = "NOTHING"\n', "is not set"),
        ('[router]\ntoken_env = "TOKEN"\ntoken_file = "token"\n', "there are both"),
        ('[router]\ntoken_env = "TOKEN"\naddress = "router.example:1"\n', "would go to router.example:1 unencrypted"),
        ('[agents.ada]\nendpoint = "ada"\n', "a telephone as Dial has it"),
        ('[agents."a,b"]\nendpoint = "PJSIP/ab"\n', "has a comma"),
        ("[ari2]\n", "did you mean ari?"),
    ],
)
def test_what_is_wrong_is_told(text: str, words: str) -> None:
    assert any(words in problem for problem in problems(text)), problems(text)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ('[ari]\nuser = "x"\n', "there is no password; password_file or password_env"),
        ('[ari]\npassword_env = "WORD"\n', "user is missing"),
        ('[ari]\nuser = "x"\npassword_env = "WORD"\nca = "nowhere.pem"\n', "cannot be read: No such file"),
        ('[ari]\nuser = "x"\npassword = "y"\n', "unknown key"),
        ('[ari]\nuser = "x"\npassword_env = "WORD"\nurl = "http://h:8088/ari"\n', "without it"),
        ('[ari]\nuser = "x"\npassword_env = "WORD"\nurl = "http://u:p@h"\n', "user or password in it"),
        ('[ari]\nuser = "x"\npassword_env = "WORD"\nurl = "ftp://h"\n', "not an http or https URL"),
        ('[ari]\nuser = "x"\npassword_env = "WORD"\nurl = "http://[::1"\n', "is not a URL"),
        ("", "it is empty"),
    ],
)
def test_what_is_wrong_with_asterisks_address_is_told(head: str, words: str) -> None:
    assert any(words in problem for problem in problems("", head))


def test_secrets_come_from_files_beside_the_config(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("from a file\n")
    (tmp_path / "bridge.toml").write_text('[ari]\nuser = "x"\npassword_file = "word"\n')
    assert load_bridge(tmp_path / "bridge.toml").ari.password == "from a file"
    (tmp_path / "word").write_text("\n")
    with pytest.raises(ConfigError, match="the file is empty"):
        load_bridge(tmp_path / "bridge.toml")


def test_the_authorities_of_asterisk_are_checked_at_once(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense")
    (tmp_path / "bridge.toml").write_text('[ari]\nuser = "x"\npassword_env = "P"\nca = "ca.pem"\n')
    with pytest.raises(ConfigError) as caught:
        load_bridge(tmp_path / "bridge.toml", {"P": "x"})
    assert "the url is not encrypted" in str(caught.value)
    assert "no certificate can be read from it" in str(caught.value)


PIECES = st.sampled_from(
    [
        "{",
        "}",
        "[",
        "]",
        '"',
        "=",
        "\n",
        "1",
        "-1",
        "true",
        '""',
        '"x"',
        "{arg:1}",
        "*",
        "[agents.x]",
        "# ",
        "é",
        "\x00",
        "1e9",
    ]
)


@given(st.integers(0, len(example_text())), st.integers(0, 80), st.lists(PIECES, max_size=4))
def test_whatever_the_file_says_it_is_read_or_refused(at: int, length: int, pieces: list[str]) -> None:
    text = example_text()
    harmed = text[:at] + "".join(pieces) + text[at + length :]
    # what is shown behind a # counts too
    for candidate in (harmed, harmed.replace("\n# ", "\n")):
        with suppress(ConfigError):
            parse_bridge(candidate, "bridge.toml", Path("/nowhere"), {"ARI_PASSWORD": "x"})


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load_bridge(tmp_path / "bridge.toml")


def test_no_secret_is_shown() -> None:
    config = read('[router]\ntoken_env = "TOKEN"\n')
    assert "skr_1" not in repr(config.router)


def test_the_callers_name_cannot_break_what_the_telephone_shows() -> None:
    floor = read("[telephones]\ncaller_id = '\"{caller_name} ({arg:1})\" <{caller}>'\n").floor
    arrival = Arrival("1", "PJSIP/x-1", ("loans",), caller_name='Eve" <0>\x07', caller_number="5")
    assert floor.caller_id(arrival) == '"Eve 0 (loans)" <5>'
