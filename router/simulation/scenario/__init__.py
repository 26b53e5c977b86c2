"""Scenarios: what a simulation is told, read from TOML. Whatever is wrong is found before anything runs."""
