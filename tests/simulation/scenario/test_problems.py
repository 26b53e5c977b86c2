"""Problems: each way to be wrong is found, at its line, under its key, with what is wrong and what would be right."""

# ruff: noqa: E501 (tables of cases)

from __future__ import annotations

import pytest

from router.config import ConfigError
from router.simulation import parse_scenario
from tests.simulation.scenario.texts import AGENTS, BASE, CALLERS, problems_of, scenario_of

HANDLE = "handle_time = 180\n"
RATE = 'rate = "30/h"\n'
LINES_BEFORE = BASE.count("\n") + AGENTS.count("\n") + 1


def the_problem(text: str) -> tuple[int, str, str, str]:
    """Return the one problem of a text: line, key, what is wrong, what would be right."""
    problems = problems_of(text)
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0].line, problems[0].key, problems[0].problem, problems[0].wanted


IN_CALLERS = [
    # when they call
    (HANDLE, "", "it is not said when they call", 'rate = "30/h", or rates, interval or recorded'),
    (HANDLE + 'rate = "30"', "rate", '"30" is not a rate', 'a rate such as "30/h"'),
    (HANDLE + 'rate = "30 per hour"', "rate", '"30 per hour" is not a rate', 'write "30/h"'),
    (HANDLE + 'rate = "30/m"', "rate", '"30/m" is not a rate', 'write "30/min"'),
    (HANDLE + 'rate = "30/Days"', "rate", '"30/Days" is not a rate', 'write "30/day"'),
    (HANDLE + 'rate = "-1/h"', "rate", '"-1/h" is not a rate', "a rate such as"),
    (HANDLE + "rate = 30", "rate", "30 is not a rate", "a rate such as"),
    (HANDLE + 'rate = "1000001/s"', "rate", '"1000001/s" is out of range', "up to 1,000,000/s"),
    (HANDLE + 'rate = "0/h"', "rate", "nobody ever calls", "a rate above 0"),
    (HANDLE + 'rates = ["0/h", "0/s"]\nperiod = 60', "rates", "nobody ever calls", "a rate above 0"),
    (HANDLE + 'rates = []\nperiod = "1h"', "rates", "the list is empty", 'a list such as ["20/h", "30/h"]'),
    (HANDLE + 'rates = "20/h"\nperiod = "1h"', "rates", '"20/h" is not a list', "a list such as"),
    (HANDLE + 'rates = ["20/h", "x"]\nperiod = "1h"', "rates[2]", '"x" is not a rate', "a rate such as"),
    (HANDLE + 'rates = ["20/h"]', "rates", "period is missing", 'period = "30m"'),
    (HANDLE + RATE + 'period = "1h"', "period", "there is no rates that it belongs to", "period together with rates"),
    (HANDLE + 'interval = "1m"\nday_factor_cv = 0.1', "day_factor_cv", "there is no rate or rates that it", "together"),
    (HANDLE + RATE + 'day = "8h"', "day", "there is no day_factor_cv that it belongs to", "together with day_factor_cv"),
    (HANDLE + RATE + "day_factor_cv = 6", "day_factor_cv", "6 is out of range", "a number from 0 to 5"),
    (HANDLE + RATE + 'interval = "1m"', "interval", "there is rate already", "one of rate, rates, interval, recorded"),
    (HANDLE + "interval = 0", "interval", "the mean is 0", "a mean above 0"),
    (HANDLE + RATE + 'recorded = { file = "x.csv" }', "recorded", "there is rate already", "one of rate, rates"),
    (HANDLE + "recorded = {}", "recorded", "file is missing", "file = a path"),
    (HANDLE + 'recorded = { file = "" }', "recorded.file", "the path is empty", "the path of a call log in quotes"),
    (HANDLE + 'recorded = { file = "none.csv" }', "recorded.file", '"none.csv": it cannot be read (No such file', "name a readable file"),
    (HANDLE + 'recorded = { file = "none.csv", from = "8" }', "recorded.from", '"8" is not a time of day', 'a time such as "08:00"'),
    (HANDLE + 'recorded = { file = "none.csv", from = "24:00" }', "recorded.from", '"24:00" is not a time of day', 'a time such as "08:00"'),
    (HANDLE + 'recorded = { file = "none.csv", format = "vanda" }', "recorded.format", '"vanda" is not known here', 'did you mean "vanad"?'),
    (HANDLE + 'recorded = { file = "none.csv", day = 5 }', "recorded.day", "5 is not a day", 'a day such as "2014-05-26"'),
    (HANDLE + 'recorded = { file = "none.csv", types = [5] }', "recorded.types[1]", "5 is not a name", "the name of one type, in quotes"),
    # handle times and other distributions
    (RATE, "", "handle_time is missing", 'handle_time = "3m", or a distribution'),
    (RATE + "handle_time = 0", "handle_time", "the mean is 0", "a mean above 0"),
    (RATE + 'handle_time = "3"', "handle_time", '"3" is not a duration', "a duration such as"),
    (RATE + "handle_time = 1.5", "handle_time", "1.5 is not a distribution", 'a duration such as "3m", or a distribution such as'),
    (RATE + "handle_time = {}", "handle_time", "family is missing", "family = a word"),
    (RATE + 'handle_time = { family = "expo" }', "handle_time.family", '"expo" is not known here', 'one of "deterministic", "exponential"'),
    (RATE + 'handle_time = { family = "exponential" }', "handle_time", "mean is missing", "exponential takes mean"),
    (RATE + 'handle_time = { family = "gamma", mean = 9 }', "handle_time", "cv is missing", "gamma takes mean and cv"),
    (RATE + 'handle_time = { family = "gamma", mean = 9, cv = 0 }', "handle_time.cv", "0 is out of range", "a number from 0.001 to 20"),
    (RATE + 'handle_time = { family = "gamma", mean = 9, cv = -1 }', "handle_time.cv", "-1 is out of range", "a number from 0.001"),
    (RATE + 'handle_time = { family = "gamma", mean = 9, cv = nan }', "handle_time.cv", "NaN is out of range", "a number from 0.001"),
    (RATE + 'handle_time = { family = "gamma", mean = 0, cv = 1 }', "handle_time.mean", "the mean is 0", "a duration above 0"),
    (RATE + 'handle_time = { family = "exponential", mean = 9, cv = 1 }', "handle_time.cv", "cv does not belong to the family exponential", "exponential takes mean"),
    (RATE + 'handle_time = { family = "uniform", mean = 9, cv = 0.6 }', "handle_time.cv", "0.6 is too much: values below 0 would come out", "at most 0.577, or low and high"),
    (RATE + 'handle_time = { family = "uniform", mean = 9, low = 2 }', "handle_time", "mean and low do not go together", "uniform takes mean and cv, or low and high"),
    (RATE + 'handle_time = { family = "uniform", low = 9 }', "handle_time", "high is missing", "uniform takes mean and cv, or low and high"),
    (RATE + 'handle_time = { family = "uniform", low = 9, high = 9 }', "handle_time.high", "9s is not above low, 9s", "more than 9s"),
    (RATE + 'handle_time = { family = "uniform" }', "handle_time", "mean and cv are missing", "uniform takes mean and cv, or low and high"),
    (RATE + 'handle_time = { family = "empirical", values = [] }', "handle_time.values", "the list is empty", "a list such as"),
    (RATE + 'handle_time = { family = "empirical", values = [0, 0] }', "handle_time", "the mean is 0", "a mean above 0"),
    (RATE + 'handle_time = { family = "empirical", values = [5, -1] }', "handle_time.values[2]", "-1 is out of range", "from 0s to 366d"),
    (RATE + 'handle_time = { family = "empirical", file = "none.txt" }', "handle_time.file", '"none.txt": there is no such file', "from the folder of the scenario"),
    (RATE + 'handle_time = { family = "empirical", file = "/" }', "handle_time.file", '"/" is a directory', "the path of a file"),
    (RATE + 'handle_time = { mena = "3m", family = "exponential", mean = "3m" }', "handle_time.mena", "unknown key", "did you mean mean?"),
    # what they are
    (HANDLE + RATE + 'queue = "laons"', "queue", 'there is no queue "laons"', 'did you mean "loans"?'),
    (HANDLE + RATE + 'queue = "x"', "queue", 'there is no queue "x"', "a queue of the router"),
    (HANDLE + RATE + 'channel = "voise"', "channel", 'there is no channel "voise"', 'did you mean "voice"?'),
    (HANDLE + RATE + 'urgency = "Urgent"', "urgency", '"Urgent" is not known here', 'did you mean "urgent"?'),
    (HANDLE + RATE + "priority = 10", "priority", "10 is out of range", "a whole number from 0 to 9"),
    (HANDLE + RATE + "priorty = 1", "priorty", "unknown key", "did you mean priority?"),
    (HANDLE + RATE + "mean = 1", "mean", "unknown key", "it belongs in a distribution"),
    (HANDLE + RATE + "target = 1", "target", "unknown key", "it belongs in [router.queue_defaults] or [router.queues.NAME]"),
    (HANDLE + RATE + 'agent = "teem"', "agent", 'there is no agent "teem"', 'did you mean "team"?'),
    (HANDLE + RATE + 'agent = "x"', "agent", 'there is no agent "x"', "an agent of this scenario, such as GROUP-1"),
    (HANDLE + RATE + 'steps = [{ after = 5, agent = "x" }]', "steps[1].agent", 'there is no agent "x"', "an agent of this"),
    (HANDLE + RATE + "steps = [{ after = 5 }, { after = 5 }]", "steps[2].after", "it begins after 5s, not later", "more than 5s"),
    (HANDLE + RATE + "skills = { loans = 11 }", "skills.loans", "11 is out of range", "a whole number from 1 to 10"),
    (HANDLE + RATE + 'wrap_up = "1m"', "wrap_up", "the wrap-up of queue loans has the mode none", 'wrap_up = { mode = "manual", duration = "10m" } in the queue'),
    (HANDLE + RATE + "resolution = 1.1", "resolution", "1.1 is out of range", "a number from 0 to 1"),
    (HANDLE + RATE + "resolution = true", "resolution", "true is not a number", "a number from 0 to 1"),
    (HANDLE + RATE + "resolution = 1\nresolution_by_level = { 1 = 1 }", "resolution_by_level", "there is resolution already", "one of the two"),
    (HANDLE + RATE + "resolution_by_level = {}", "resolution_by_level", "an empty table is no table by level", "a table of levels from 0 to 10"),
    (HANDLE + RATE + "resolution_by_level = 0.5", "resolution_by_level", "0.5 is no table by level", "a table of levels from 0 to 10"),
    (HANDLE + RATE + "resolution_by_level = { 11 = 1 }", "resolution_by_level.11", '"11" is not a level', "a table of levels from 0 to 10"),
    (HANDLE + RATE + "resolution_by_level = { 01 = 1 }", "resolution_by_level.01", '"01" is not a level', "a table of levels from 0 to 10"),
    (HANDLE + RATE + "handle_factor_by_level = { 1 = 0 }", "handle_factor_by_level.1", "0 is out of range", "a number from 0.01 to 100"),
    (HANDLE + RATE + 'queue = "general"\nwrap_up = 1\nhandle_factor_by_level = { 1 = 2 }', "handle_factor_by_level", "it is not clear whose level counts: no skill is demanded at first", "skill = the one"),
    (HANDLE + RATE + "skills = { a = 1, b = 1 }\nresolution_by_level = { 1 = 1 }", "resolution_by_level", "it is not clear whose level counts: 2 skills are demanded at first", "skill = the one"),
    (HANDLE + RATE + "satisfaction_by_wait = { 0s = 6 }", "satisfaction_by_wait.0s", "6 is out of range", "a number from 1 to 5"),
    (HANDLE + RATE + "satisfaction_by_wait = { x = 5 }", "satisfaction_by_wait.x", '"x" is not a duration', "a duration such as"),
    (HANDLE + RATE + "satisfaction_by_wait = { 1m = 5, 60s = 4 }", "satisfaction_by_wait.60s", "1m is there twice", "each wait once"),
    (HANDLE + RATE + "satisfaction_by_wait = [5]", "satisfaction_by_wait", "a list is no table by wait", "a table of waits with scores"),
    (HANDLE + RATE + "redial_unresolved = { chance = 0.5, after = 60 }", "redial_unresolved", "nothing says which calls are unresolved", "resolution = 0.7"),
    (HANDLE + RATE + "redial_abandoned = { chance = 0.5 }", "redial_abandoned", "after is missing", "after = a distribution"),
    (HANDLE + RATE + "redial_abandoned = { after = 5 }", "redial_abandoned", "chance is missing", "chance = a chance"),
    (HANDLE + RATE + "redial_abandoned = { chance = 0.5, after = 0 }", "redial_abandoned.after", "the mean is 0", "a mean above 0"),
    (HANDLE + RATE + "redial_abandoned = { chance = 1, after = 9 }", "redial_abandoned.chance", "somebody might call again for ever", "at most 0.999, or times_max"),
    (HANDLE + RATE + "redial_abandoned = { chance = 1, after = 9, times_max = 0 }", "redial_abandoned.times_max", "0 is out of range", "1 to 1,000"),
    (HANDLE + RATE + "customers = -1", "customers", "-1 is out of range", "a whole number from 0 to"),
    (HANDLE + RATE + "known = 1", "known", "1 is neither true nor false", "true or false, without quotes"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "key", "problem", "wanted"), IN_CALLERS)
def test_in_callers(lines: str, key: str, problem: str, wanted: str) -> None:
    found = the_problem(f"{BASE}{AGENTS}[callers.loans]\n{lines}\n")
    place = LINES_BEFORE + (
        next(n for n, line in enumerate(lines.split("\n"), 1) if key.partition("[")[0].partition(".")[0] in line)
        if key
        else 0
    )
    assert found[:2] == (place, f"callers.loans.{key}" if key else "callers.loans")
    assert found[2].startswith(problem)
    assert wanted in found[3]


IN_AGENTS = [
    ("count = 0", "count", "0 is out of range", "a whole number from 1 to 1,000,000"),
    ("skills = { loans = 0 }", "skills.loans", "0 is out of range", "a whole number from 1 to 10"),
    ("skills = 5", "skills", "5 is no table", "a table such as { loans = 6 }"),
    ('skills = { "" = 5 }', 'skills.""', "the skill is empty", "1 to 255 bytes"),
    (f"skills = {{ {', '.join(f's{n} = 1' for n in range(65))} }}", "skills", "there are 65 entries", "at most 64"),
    ("capacity = { chat = 1 }", "capacity.chat", 'there is no channel "chat"', "a channel of the router"),
    ("capacity = { voice = 0 }", "capacity.voice", "0 is out of range", "a whole number from 1 to 1,000"),
    ("handle_times = { loan = 5 }", "handle_times.loan", 'there is no callers "loan"', 'did you mean "loans"?'),
    ("handle_factor = 0", "handle_factor", "0 is out of range", "a number from 0.01 to 100"),
    ("reject = 0.6\nno_answer = 0.6", "no_answer", "reject + no_answer is 1.2", "at most 0.999 together"),
    ("reject = 0.5\nno_answer = 0.5", "no_answer", "reject + no_answer is 1", 'or ending = "cut": else the run might never end'),
    ("reject = 1", "reject", "reject + no_answer is 1", 'or ending = "cut"'),
    ("ring = '20s'", "ring", "an offer of queue loans expires after 20s: every answer would be too late", "less than 20s"),
    ("reject = 0.5\nreject_after = '30s'", "reject_after", "an offer of queue loans expires after 20s", "less than 20s"),
    ("staffing = [4, 8]", "staffing", "staffing_period is missing", 'staffing_period = "2h"'),
    ("staffing_period = '2h'", "staffing_period", "there is no staffing", "staffing = [4, 8, 6] as well, or neither"),
    ("staffing = []\nstaffing_period = 60", "staffing", "the list is empty", "a list such as [4, 8, 6]"),
    ("staffing = [0, 0]\nstaffing_period = 60", "staffing", "nobody is ever there", "a number above 0 in some period"),
    ("staffing = [4, 8]\nstaffing_period = 60\ncount = 6", "staffing[2]", "8 are more than the group has", "at most count, 6"),
    ("staffing = [1]\nstaffing_period = 60\nshifts = [[0, 5]]", "shifts", "there is staffing already", "one of the two"),
    ("shifts = [5]", "shifts[1]", "5 is not a pair of times", 'a pair such as ["8h", "12h30m"]'),
    ("shifts = [[0, 5, 6]]", "shifts[1]", "a list is not a pair of times", "a pair such as"),
    ("shifts = [['2h', '1h']]", "shifts[1]", "it ends at 1h, not after its start at 2h", "the earlier time first"),
    ("shifts = [[0, 60], [60, 90]]", "shifts[2]", "it begins at 1m, not after the end of the one before", "later than 1m"),
    ("at_shift_end = 'stop'", "at_shift_end", '"stop" is not known here', 'one of "finish", "requeue", "cut"'),
    ("levels = 5", "levels", "unknown key", "known here: "),
    ("skill = { loans = 5 }", "skill", "unknown key", "did you mean skills?"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "key", "problem", "wanted"), IN_AGENTS)
def test_in_agents(lines: str, key: str, problem: str, wanted: str) -> None:
    skills = "" if "skills" in lines else "skills = { loans = 5 }\n"
    found = the_problem(f"{BASE}{CALLERS}[agents.team]\n{skills}{lines}\n")
    assert found[1] == f"agents.team.{key}"
    assert found[2].startswith(problem)
    assert wanted in found[3]


RUN = '[simulation]\nlength = "8h"\n'
QUEUE = "[router.queues.loans]\n"
WHOLE = [
    (QUEUE + CALLERS + AGENTS, 1, "simulation", "length is missing", "length = a duration"),
    ("[simulation]\nlength = 0\n" + QUEUE + CALLERS + AGENTS, 2, "simulation.length", "0 is out of range", "from 1s to 36600d"),
    ("simulation = 5\n" + QUEUE + CALLERS + AGENTS, 1, "simulation", "this is the single value 5", "a table"),
    (RUN + "replications = 0\n" + QUEUE + CALLERS + AGENTS, 3, "simulation.replications", "0 is out of range", "1 to 10,000"),
    (RUN + "seed = -1\n" + QUEUE + CALLERS + AGENTS, 3, "simulation.seed", "-1 is out of range", "a whole number from 0"),
    (RUN + "ending = 'stop'\n" + QUEUE + CALLERS + AGENTS, 3, "simulation.ending", '"stop" is not known here', '"drain", "cut"'),
    (RUN + "wormup = 5\n" + QUEUE + CALLERS + AGENTS, 3, "simulation.wormup", "unknown key", "did you mean warm_up?"),
    (RUN + CALLERS + AGENTS, 1, "", "router is missing", '[router] with config = "router.toml", or at least one [router.queues.NAME]'),
    (RUN + "[router]\n" + CALLERS + AGENTS, 3, "router.queues", "there is no queue", "at least one [router.queues.NAME]"),
    (RUN + "router = 5\n" + QUEUE.replace("router", "x"), 3, "simulation.router", "unknown key", "it belongs in the top of the file"),
    (RUN + "[router]\nconfig = 'router.toml'\n" + QUEUE + CALLERS + AGENTS, 5, "router.queues", "there is a config file already", "either config, or tables here"),
    (RUN + "[router]\nconfig = 'none.toml'\n" + CALLERS + AGENTS, 4, "router.config", '"none.toml": there is no such file', "the path of a config file"),
    (RUN + "[router]\nconfig = 5\n" + CALLERS + AGENTS, 4, "router.config", "5 is not a path", "the path of a file in quotes"),
    (RUN + "[router]\npreset = 'balance'\n" + QUEUE + CALLERS + AGENTS, 4, "router.preset", '"balance" is not known here', 'did you mean "balanced"?'),
    (RUN + "[router.estimates]\n" + QUEUE + CALLERS + AGENTS, 3, "router.estimates", "a simulation has no server", "the other tables of a config"),
    (RUN + "[router.server]\n" + QUEUE + CALLERS + AGENTS, 3, "router.server", "a simulation has no server", "the other tables of a config"),
    (RUN + "[router.queue]\n" + QUEUE + CALLERS + AGENTS, 3, "router.queue", "unknown key", "did you mean queues?"),
    (RUN + QUEUE + "[router.queue_defaults]\nskills = { a = 1 }\n" + CALLERS + AGENTS, 5, "router.queue_defaults.skills", "it belongs to a single queue", "put it in [router.queues.NAME]"),
    (RUN + QUEUE + "[router.channels]\n" + CALLERS + AGENTS, 4, "router.channels", "there are 0 channels", "1 to 16, each under [router.channels.NAME]"),
    (RUN + "[router.qeues.x]\n" + QUEUE + CALLERS + AGENTS, 3, "router.qeues", "unknown key", "did you mean queues?"),
    (RUN + QUEUE + "target = 0\n" + CALLERS + AGENTS, 4, "router.queues.loans.target", "0 is out of range", "from 1s to 366d"),
    (RUN + QUEUE + "overflow = 'x'\n" + CALLERS + AGENTS, 4, "router.queues.loans.overflow", 'there is no queue "x"', "the name of a queue"),
    (RUN + QUEUE + "wrap_up.mode = 'fixed'\n" + CALLERS + AGENTS, 4, "router.queues.loans.wrap_up", "the mode is fixed without", "a duration above 0"),
    (RUN + QUEUE + "[router.engine]\nidle = 5\n" + CALLERS + AGENTS, 5, "router.engine.idle", "unknown key", "it belongs in [router.queue_defaults.agent_weights]"),
    (RUN + QUEUE + "[router.engine]\nagents_max = 5\n" + CALLERS + AGENTS + "count = 6\n", 9, "agents", "there are 6 agents, and agents_max is 5", "fewer"),
    (RUN + QUEUE + "[router.engine]\nrequirements_max = 1\n" + CALLERS + "skills = { loans = 2 }\n" + AGENTS, 6, "callers", "queues and callers have 2 different demands, and requirements_max is 1", "fewer"),
    (RUN + QUEUE + CALLERS, 1, "", "there are no agents", "at least one [agents.NAME], or [recorded_agents]"),
    (RUN + QUEUE + CALLERS + "[agents]\n", 1, "", "there are no agents", "at least one [agents.NAME]"),
    (RUN + QUEUE + AGENTS, 1, "callers", "there are no callers", "1 to 1,000 kinds of callers, each under [callers.NAME]"),
    (RUN + QUEUE + AGENTS + "callers = 5\n", 6, "agents.team.callers", "unknown key", "it belongs in the top of the file"),
    (RUN + QUEUE + CALLERS + AGENTS + "[hunting]\norder = 'fifo'\n", 10, "hunting.order", '"fifo" is not known here', 'one of "first-come", "last-come", "random"'),
    (RUN + QUEUE + CALLERS + AGENTS + "[callers]\nx = 5\n", 10, "callers.x", "this is the single value 5", "a table"),
    (RUN + QUEUE + CALLERS + AGENTS + "[caller.x]\n", 9, "caller", "unknown key", "did you mean callers?"),
    (RUN + QUEUE + CALLERS + AGENTS + "count = 2\n[agents.team-2]\n", 10, "agents.team-2", 'the group "team" has an agent of this name', "another name"),
    (RUN + QUEUE + CALLERS.replace("callers.loans", 'callers.""') + AGENTS, 4, 'callers.""', "the name is empty", "1 to 255 bytes"),
    (RUN + QUEUE + CALLERS + f"[agents.{'x' * 254}]\ncount = 10\n", 7, "", "its name is too long for names of its agents", "NAME-10 within 255 bytes"),
    (RUN + QUEUE + CALLERS + "[recorded_agents]\n", 7, "recorded_agents", "file is missing", "file = a path"),
    (RUN + QUEUE + CALLERS + "[recorded_agents]\nfile = 'none.csv'\n", 8, "recorded_agents.file", '"none.csv": it cannot be read', "name a readable file"),
    (RUN + QUEUE + CALLERS + "[recorded_agents]\nfile = 'none.csv'\nreject = 2\n", 9, "recorded_agents.reject", "2 is out of range", "0 to 1"),
    (RUN + QUEUE + "length = 5\n" + CALLERS + AGENTS, 4, "router.queues.loans.length", "unknown key", "it belongs in [simulation]"),
    ("# a config\n[queues.loans]\n", 2, "queues", "this is a router's config, not a scenario", 'names it, [router] with config = "FILE"'),
    ("", 0, "", "it is empty", "name a scenario file, or write one to start from with `skill-router init-scenario`"),
    ("[simulation]\nlength = 8h\n", 2, "simulation.length", "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key", "problem", "wanted"), WHOLE)
def test_in_the_whole(text: str, line: int, key: str, problem: str, wanted: str) -> None:
    problems = problems_of(text)
    found = [p for p in problems if (p.line, p.problem[: len(problem)]) == (line, problem)]
    assert found, [str(p) for p in problems]
    assert not key or found[0].key == key
    assert wanted in found[0].wanted


def test_all_problems_come_at_once_in_the_order_of_lines() -> None:
    text = """\
[simulation]
length = 0
[router.queues.loans]
target = 0
[callers.loans]
rate = "x"
queue = "laons"
[agents.team]
count = 0
[agents.other]
handle_times = { x = 5 }
"""
    with pytest.raises(ConfigError) as refused:
        parse_scenario(text, "s.toml")
    problems = refused.value.problems
    assert str(refused.value) == "\n".join(map(str, problems))
    assert [(problem.line, problem.key) for problem in problems] == [
        (2, "simulation.length"),
        (4, "router.queues.loans.target"),
        (5, "callers.loans"),  # the handle time is missing
        (6, "callers.loans.rate"),
        (9, "agents.team.count"),
        (11, "agents.other.handle_times.x"),
    ]


def test_the_queue_of_the_same_name_must_be_there() -> None:
    assert the_problem(BASE + CALLERS.replace("loans", "lones") + AGENTS)[1:] == (
        "callers.lones",
        'there is no queue "lones"',
        'did you mean "loans"?',
    )


def test_what_might_never_end_may_be_cut() -> None:
    text = BASE.replace('"8h"\n', '"8h"\nending = "cut"\n') + CALLERS + AGENTS
    scenario_of(text.replace('"3m"\n', '"3m"\nredial_abandoned = { chance = 1, after = 9 }\n') + "no_answer = 1\n")
    found = the_problem(
        text.replace("[router.queues.general]", "reject_backoff = 0\n[router.queues.general]") + "reject = 1\n"
    )
    assert found[1:3] == ("agents.team.reject", "queue loans offers what was rejected again at once, and so for ever")
    assert the_problem(text + "reject = 1.5\n")[3] == "a number from 0 to 1"
    assert the_problem(text + "reject = 0.5\nno_answer = 0.6\n")[3] == "at most 1 together"


def test_an_offer_that_nobody_makes_may_ring_for_ever() -> None:
    """A ring is too long only for queues that may offer calls to the agent, and under our own routing."""
    slow = AGENTS + "ring = '30s'\n"
    scenario_of(BASE + CALLERS + slow.replace("loans = 5", "loans = 2"))
    scenario_of(BASE.replace("{ loans = 3 }", "{ loans = 3 }\nautomatic = true") + CALLERS + slow)
    scenario_of(BASE.replace("{ loans = 3 }", "{ loans = 3 }\noffer_timeout = '31s'") + CALLERS + slow)
    scenario_of(BASE + CALLERS + slow + "[hunting]\n")
    overflowing = BASE.replace("{ loans = 3 }", "{ loans = 3 }\noverflow = 'general'")
    found = the_problem(overflowing + CALLERS + slow.replace("loans = 5", "loans = 2"))
    assert found[2] == "an offer of queue general expires after 20s: every answer would be too late"


def test_names_of_agents_have_the_length_of_names() -> None:
    def text(length: int, count: int) -> str:
        return f"{BASE}{CALLERS}[agents.{'x' * length}]\nskills = {{ loans = 3 }}\ncount = {count}\n"

    assert len(scenario_of(text(252, 99)).agents[0].agent_names()[-1]) == 255
    assert the_problem(text(252, 100))[2] == "its name is too long for names of its agents"
    assert scenario_of(text(255, 1)).agents[0].agent_names() == ("x" * 255,)


@pytest.mark.parametrize(
    ("groups", "clash"),
    [
        ({"a": 2, "a-2": 1}, True),
        ({"a-2": 1, "a": 2}, True),
        ({"a": 2, "a-3": 1}, False),
        ({"a": 2, "a-02": 1}, False),
        ({"a": 2, "a-0": 1}, False),
        ({"a": 2, "a-": 1}, False),
        ({"a": 2, "a-٢": 1}, False),
        ({"a": 2, "a-2": 2}, False),
        ({"a": 1, "a-1": 1}, False),
    ],
)
def test_groups_whose_agents_have_the_same_name(groups: dict[str, int], clash: bool) -> None:
    tables = "".join(
        f'[agents."{name}"]\nskills = {{ loans = 3 }}\ncount = {count}\n' for name, count in groups.items()
    )
    if clash:
        assert the_problem(BASE + CALLERS + tables)[2] == 'the group "a" has an agent of this name'
    else:
        names = [name for group in scenario_of(BASE + CALLERS + tables).agents for name in group.agent_names()]
        assert len(names) == len(set(names))


def test_an_agent_of_a_group_may_be_asked_for() -> None:
    def text(name: str, count: int = 12) -> str:
        return f'{BASE}{CALLERS}agent = "{name}"\n{AGENTS}count = {count}\n'

    assert scenario_of(text("team-12")).hints == ()
    for name in ("team-13", "team-0", "team-01", "team", "tea-1"):
        assert the_problem(text(name))[1:3] == ("callers.loans.agent", f'there is no agent "{name}"')
    assert scenario_of(text("team-1000000", 1_000_000)).agents[0].count == 1_000_000
    assert the_problem(text("teem", 1_000_000))[3] == 'did you mean "team"?'


def test_there_are_bounds_to_how_much_there_is() -> None:
    groups = "".join(f"[agents.a{number}]\nskills = {{ loans = 3 }}\n" for number in range(1000))
    assert len(scenario_of(BASE + CALLERS + groups).agents) == 1000
    assert the_problem(BASE + CALLERS + groups + "[agents.b]\n")[1:] == (
        "agents",
        "there are 1,001 groups",
        "at most 1,000",
    )
    kinds = "".join(f'[callers.c{number}]\nqueue = "loans"\nrate = "1/h"\nhandle_time = 5\n' for number in range(1000))
    assert len(scenario_of(BASE + kinds + AGENTS).callers) == 1000
    assert the_problem(BASE + kinds + CALLERS + AGENTS)[1:3] == ("callers", "there are 1,001 callers")
