"""Where the hotline's gain comes from, what more staff does, and what the result hangs on: tables of docs/hotline.md.

All variants are made from hotline_before.toml and hotline_after.toml here, and meet the same callers where nothing
about the callers is varied. Prints Markdown. `python examples/scenarios/hotline_study.py` takes some minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from router.config import PRESETS, with_preset
from router.simulation import Callers, Distribution, HuntedAgent, Hunting, PoissonArrivals, Scenario, load_scenario
from router.simulation.run import simulate
from router.simulation.student import Estimate
from router.simulation.summary import Summary, summarise

HERE = Path(__file__).parent
BEFORE, AFTER = "hunting", "by skills"
MINUTE_US = 60_000_000
REDIAL_CHANCE_MAX = 0.999  # more is refused where a run waits for the last caller
COLUMNS = {
    "wait_served_mean_us": ("mean wait, min", 1 / MINUTE_US, 2),
    "service_level": ("in 8 min, %", 100, 1),
    "abandoned_share": ("gave up, %", 100, 1),
    "first_call_resolution": ("resolved at first, %", 100, 1),
    "redial_share": ("repeats, %", 100, 1),
    "occupancy": ("occupancy, %", 100, 1),
    "jain": ("Jain", 1, 3),
}

Edit = Callable[[Callers], Callers]


class Study:
    """Runs variants and prints a table of each kind."""

    def __init__(self, replications: int) -> None:
        self.before = load_scenario(HERE / "hotline_before.toml")
        self.after = load_scenario(HERE / "hotline_after.toml")
        self._replications = replications

    def run(self, scenario: Scenario) -> Summary:
        """Return the estimates of a scenario."""
        return summarise(simulate(scenario, replications=self._replications), scenario.callers)

    def table(self, title: str, variants: Mapping[str, Scenario]) -> dict[str, Summary]:
        """Run the variants, print their table, return their estimates."""
        names = [*(name for name, _, _ in COLUMNS.values()), "mornings under 2 min, %"]
        print(f"\n### {title}\n\n| | {' | '.join(names)} |")
        print("|---" * (len(names) + 1) + "|")
        found = {}
        for name, scenario in variants.items():
            found[name] = self.run(scenario)
            print(f"| {name} | {' | '.join(cells(found[name]))} |", flush=True)
        return found

    def pairs(self, title: str, variants: Mapping[str, Edit]) -> None:
        """Print a table with both ways of routing for each change of the callers."""
        both = {BEFORE: self.before, AFTER: self.after}
        self.table(
            title,
            {
                f"{name}, {way}": edited(scenario, edit)
                for name, edit in variants.items()
                for way, scenario in both.items()
            },
        )


def cells(summary: Summary) -> Iterator[str]:
    """Yield the figures of a row."""
    for metric, (_, factor, digits) in COLUMNS.items():
        yield written(summary.overall[metric], factor, digits)
    waits_us = [wait_us for wait_us in summary.overall["wait_served_mean_us"].values if wait_us is not None]
    yield f"{100 * sum(wait_us < 2 * MINUTE_US for wait_us in waits_us) / len(waits_us):.0f}"


def written(found: Estimate, factor: float, digits: int) -> str:
    """Return the estimate with its interval."""
    if found.mean is None or found.half_width is None:
        return "–"
    return f"{found.mean * factor:.{digits}f} ±{found.half_width * factor:.{digits}f}"


def edited(scenario: Scenario, edit: Edit) -> Scenario:
    """Return the scenario with other callers."""
    return replace(scenario, callers=tuple(edit(callers) for callers in scenario.callers))


def with_more(scenario: Scenario, group: str, more: int) -> Scenario:
    """Return the scenario with more agents in a group."""
    return replace(
        scenario,
        agents=tuple(
            replace(each, count=each.count + more) if each.name == group else each for each in scenario.agents
        ),
    )


def louder(factor: float) -> Edit:
    """Return an edit that multiplies all rates."""

    def edit(callers: Callers) -> Callers:
        arrivals = callers.arrivals
        assert isinstance(arrivals, PoissonArrivals)
        return replace(
            callers, arrivals=replace(arrivals, rates_per_s=tuple(rate * factor for rate in arrivals.rates_per_s))
        )

    return edit


def redialling(more: float) -> Edit:
    """Return an edit of the chance that an unresolved caller calls again."""

    def edit(callers: Callers) -> Callers:
        redial = callers.redial_unresolved
        assert redial is not None
        return replace(callers, redial_unresolved=replace(redial, chance=min(redial.chance + more, REDIAL_CHANCE_MAX)))

    return edit


def patient(factor: float) -> Edit:
    """Return an edit that multiplies the patience."""

    def edit(callers: Callers) -> Callers:
        assert callers.patience is not None
        return replace(callers, patience=scaled(callers.patience, factor))

    return edit


def scaled(distribution: Distribution, factor: float) -> Distribution:
    """Return the distribution with another mean and the same cv."""
    return replace(distribution, mean_us=round(distribution.mean_us * factor))


def flatter(old_way: Summary, share: float) -> Edit:
    """Return an edit that moves both level tables towards what hunting makes of these callers.

    So the old way stays about as it is, and only what a match is worth changes.
    """

    def edit(callers: Callers) -> Callers:
        seen = old_way.callers[callers.name]
        resolution, talk_us = seen["resolution"].mean, seen["talk_mean_us"].mean
        assert resolution is not None
        assert talk_us is not None
        factor = talk_us / callers.handle_time.mean_us
        return replace(
            callers,
            resolution_by_level=moved(callers.resolution_by_level, resolution, share),
            handle_factor_by_level=moved(callers.handle_factor_by_level, factor, share),
        )

    return edit


def moved(table: tuple[tuple[int, float], ...], centre: float, share: float) -> tuple[tuple[int, float], ...]:
    """Return the table with each value at this share of its distance from the centre."""
    return tuple((level, centre + (value - centre) * share) for level, value in table)


def without_redials(old_way: Summary) -> Edit:
    """Return an edit that takes the redials away and adds as many fresh callers as hunting has repeats in the peak."""

    def edit(callers: Callers) -> Callers:
        repeats = old_way.callers[callers.name]["redial_share"].mean
        assert repeats is not None
        fresh = louder(1 / (1 - repeats))(callers)
        return replace(fresh, redial_unresolved=None, redial_abandoned=None)

    return edit


def same(callers: Callers) -> Callers:
    """Return the callers as they are."""
    return callers


def routings(study: Study) -> None:
    """Print what each part of the routing brings."""
    longest_idle = Hunting(agent=HuntedAgent.LONGEST_IDLE)
    presets = {
        f"by skills, {name}": replace(study.after, settings=with_preset(study.after.settings, name)) for name in PRESETS
    }
    study.table(
        "Routings",
        {
            "hunting, random free agent": study.before,
            "hunting, longest idle agent": replace(study.before, hunting=longest_idle),
            **presets,
        },
    )


def causes(study: Study, old_way: Summary) -> None:
    """Print how much of the gain is the lower load: the same with the old way's calls, whatever is resolved."""
    fixed = without_redials(old_way)
    study.pairs("With redials, and with as many fresh calls in their place", {"redials": same, "no redials": fixed})


def staffs(study: Study) -> None:
    """Print what more agents do."""
    more_after = {f"{AFTER}, {24 + n} agents": with_more(study.after, "seniors", n) for n in range(-1, 4)}
    more_before = {f"{BEFORE}, {24 + n} agents": with_more(study.before, "seniors", n) for n in (0, 2, 4, 5, 6, 8)}
    study.table("Staff: more or fewer seniors", more_after | more_before)


def sensitivities(study: Study, old_way: Summary) -> None:
    """Print what the result hangs on."""
    study.pairs(
        "Sensitivity",
        {
            "as it is": same,
            "10 % fewer callers": louder(0.9),
            "10 % more callers": louder(1.1),
            "redial chance 0.76": redialling(-0.2),
            "redial chance 0.86": redialling(-0.1),
            "redial chance 0.999": redialling(0.1),
            "levels matter half as much": flatter(old_way, 0.5),
            "levels do not matter": flatter(old_way, 0.0),
            "half the patience": patient(0.5),
            "double the patience": patient(2.0),
        },
    )


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--replications", type=int, default=100, help="independent runs of each row (default 100)")
    study = Study(parser.parse_args().replications)
    old_way = study.run(study.before)
    routings(study)
    causes(study, old_way)
    staffs(study)
    sensitivities(study, old_way)


if __name__ == "__main__":
    main()
