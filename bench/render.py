"""Write docs/benchmarks.md, its plots and the README's table from one or more runs' JSON.

usage: python -m bench.render RUN.json...

The text comes from bench/report/*.md, in the order of the files' names; a line `{{table NAME}}`, `{{plot NAME}}`,
`{{goals}}`, `{{machine}}` or `{{instructions}}` is replaced; of what follows `{{missed}}` only the sections about goals
that were missed are kept. What is noted and shown nowhere is an error, and so are a missed goal that no section is
about, and what is shown and was not measured, unless its mark ends with a question mark: `{{table NAME?}}`. Of a
page whose marks all have one, and of which nothing was measured, only the heading is kept.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from bench.instructions import recorded_text
from bench.report.missed import missed_text
from bench.report.peers import peer_lines
from bench.report.plots import PLOTS, draw
from bench.report.readme import readme_table
from bench.report.runs import Runs, UnfitRun, read_runs
from bench.report.text import goals_text, machine_text, table_text

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "bench" / "report"
MARK = re.compile(r"^\{\{(\w+) ?([\w-]*)(\??)\}\}$", re.MULTILINE)
NOT_MEASURED = "*Not measured in these runs: what it needs was not there.*"
MISSED = "{{missed}}\n"
README_MARKS = ("<!-- benchmarks: begin -->", "<!-- benchmarks: end -->")


class Renderer:
    """Fills the marks of the text, and remembers what was shown."""

    def __init__(self, runs: Runs, plots: Path) -> None:
        self.runs = runs
        self.lines = runs.plots | peer_lines(runs)
        self.plots = plots
        self.shown: set[tuple[str, str]] = set()

    def fill(self, text: str) -> str:
        marks = MARK.findall(text)
        if marks and all(optional and not self._has(kind, name) for kind, name, optional in marks):
            return f"{text.partition(chr(10))[0]}\n\n{NOT_MEASURED}"
        head, found, sections = text.partition(MISSED)
        kept = missed_text(sections, self.runs.goals) if found else ""
        return MARK.sub(self._filled, head + kept)

    def _filled(self, match: re.Match[str]) -> str:
        kind, name, optional = match.groups()
        self.shown.add((kind, name))
        if kind == "goals":
            return goals_text(self.runs.goals)
        if kind == "machine":
            return machine_text(self.runs)
        if kind == "table" and name in self.runs.tables:
            return table_text(self.runs.tables[name])
        if kind == "instructions":
            return recorded_text()
        if kind == "plot" and name in self.lines:
            path = self.plots / f"benchmarks-{name}.png"
            draw(PLOTS[name], self.lines[name], path)
            return f"![{PLOTS[name].title}](plots/{path.name})"
        if optional:
            return NOT_MEASURED
        raise UnfitRun(f"the text shows a {kind} {name!r} that was not measured in these runs")

    def _has(self, kind: str, name: str) -> bool:
        return name in {"table": self.runs.tables, "plot": self.lines}.get(kind, {})

    def check_all_shown(self) -> None:
        noted = {("table", name) for name in self.runs.tables} | {("plot", name) for name in self.lines}
        if missing := sorted(f"{kind} {name}" for kind, name in noted - self.shown):
            raise UnfitRun(f"measured but shown nowhere in bench/report: {', '.join(missing)}")


def between(text: str, new: str) -> str:
    """Return the README with the part between its marks replaced."""
    begin, end = README_MARKS
    head, _, rest = text.partition(begin)
    _, found, tail = rest.partition(end)
    if not found:
        raise UnfitRun(f"README.md has no {begin} … {end}")
    return f"{head}{begin}\n{new}\n{end}{tail}"


def render(paths: list[Path], docs: Path, readme: Path) -> None:
    """Write everything; plots of earlier runs that are no longer drawn are removed."""
    runs = read_runs(paths)
    plots = docs / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    for old in plots.glob("benchmarks-*.png"):
        old.unlink()
    renderer = Renderer(runs, plots)
    parts = [renderer.fill(path.read_text().strip()) for path in sorted(REPORT.glob("*.md"))]
    renderer.check_all_shown()
    (docs / "benchmarks.md").write_text("\n\n".join(parts) + "\n")
    readme.write_text(between(readme.read_text(), readme_table(runs)))


def main(words: list[str]) -> int:
    if not words:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        render([Path(word) for word in words], ROOT / "docs", ROOT / "README.md")
    except (UnfitRun, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
