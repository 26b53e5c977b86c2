"""Where plots are written: checked before anything runs, so that no long run ends without its plots."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

import rich_click as click


def prepare_plots(folder: Path) -> None:
    """Make sure that plots can be drawn and written. Raises `click.UsageError`."""
    if importlib.util.find_spec("matplotlib") is None:
        raise click.UsageError("--plot needs matplotlib: pip install 'skill-router[plot]'")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        problem = f"{folder} cannot be written: {error.strerror}; a folder that you may write to is right"
        raise click.BadParameter(problem, param_hint="--plot") from error
