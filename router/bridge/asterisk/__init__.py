"""The bridge to Asterisk over ARI: it brings callers to the router, and rings the agents whom it offers."""
