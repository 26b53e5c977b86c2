"""The way of a command: taken, applied when its turn comes, made durable, answered."""
