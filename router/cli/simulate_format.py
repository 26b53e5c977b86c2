"""How figures of a simulation read as text: in the unit people use, no more digits than the interval supports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from router.simulation.metrics import METRICS, Unit
from router.simulation.student import Estimate

NONE: Final = "–"
OUTSIDE: Final = "◀"  # marks a difference whose interval does not contain 0
LABEL_WIDTH_MAX: Final = 26
CONSOLE_WIDTH: Final = 1000

WHOLE_UNITS: Final = frozenset({Unit.COUNT, Unit.CALLS, Unit.AGENTS})


class Shown(NamedTuple):
    """How a unit is shown: `decimals` where no ± tells how many are meant, `decimals_max` where one does."""

    factor: float
    symbol: str
    decimals: int
    decimals_max: int


SHOWN: Final[dict[Unit, Shown]] = {
    Unit.COUNT: Shown(1, "", 1, 3),
    Unit.DURATION: Shown(1e-6, "s", 1, 3),
    Unit.SHARE: Shown(100, "%", 1, 3),
    Unit.PER_THOUSAND: Shown(1, "‰", 1, 3),
    Unit.CALLS: Shown(1, "", 2, 3),
    Unit.AGENTS: Shown(1, "", 1, 3),
    Unit.INDEX: Shown(1, "", 4, 5),
    Unit.SCORE: Shown(1, "", 2, 3),
    Unit.VARIANCE: Shown(1, "s²", 3, 4),
}


def unit_symbol(metric: str) -> str:
    """Return the symbol that a metric's figures are shown with; empty for plain numbers."""
    return SHOWN[METRICS[metric].unit].symbol


def show(metric: str, found: Estimate | None, *, signed: bool = False) -> tuple[str, str]:
    """Return the mean and its ±, in the shown unit; empty where there is none. Two digits of the ± are shown.

    `signed`: it is a difference, and one above 0 has its + too.
    """
    if found is None or found.mean is None:
        return NONE, ""
    unit = METRICS[metric].unit
    factor, _, decimals, decimals_max = SHOWN[unit]
    mean = found.mean * factor
    half_width = None if found.half_width is None else found.half_width * factor
    if half_width:
        decimals = min(max(1 - math.floor(math.log10(half_width)), 0), decimals_max)
    elif mean == round(mean) and unit in WHOLE_UNITS:
        decimals = 0
    plus = "+" if signed and mean > 0 else ""
    text = f"{plus}{mean:,.{decimals}f}" + ("*" if found.partial else "")
    if len(found.values) == 1:
        return text, ""
    return text, f"±{NONE}" if half_width is None else f"±{half_width:,.{decimals if half_width else 0}f}"


def align(cells: Sequence[tuple[str, str]]) -> list[str]:
    """Return the cells of a column that is set flush right, with the means in line and the ± in line."""
    width = max((len(half) for _, half in cells), default=0)
    return [f"{mean} {half:<{width}}" if width else mean for mean, half in cells]


def label(name: str) -> Text:
    """Return a subject's name as it is printed: one line, cut where it is too long."""
    text = Text("".join(letter if letter.isprintable() else "?" for letter in name))
    text.truncate(LABEL_WIDTH_MAX, overflow="ellipsis")
    return text


def new_table(title: str) -> Table:
    """Return an empty table whose first column holds names."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False, title=title)
    table.title_style = "bold"
    table.title_justify = "left"
    table.add_column("", no_wrap=True)
    return table


def new_console() -> Console:
    """Return a console for tables that are as wide as their numbers need, whatever the terminal says of its width."""
    return Console(width=CONSOLE_WIDTH, soft_wrap=True, highlight=False)
