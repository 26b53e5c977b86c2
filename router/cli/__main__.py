"""`python -m router.cli` is `skill-router`, wherever the script was installed."""

from router.cli.main import main

main(prog_name="skill-router")
