"""Asterisk's REST interface and its events: what it tells, what can be asked of it, and the client that does both."""
