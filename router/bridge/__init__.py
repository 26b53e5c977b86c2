"""Bridges to telephone systems: each is a client of the router that holds the calls of one system."""
