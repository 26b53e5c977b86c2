"""The soak: a real server with a journal under steady work for a long time, and whether it stays as it was."""
