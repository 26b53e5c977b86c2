"""Sessions: which clients are watched over, what is theirs, and what becomes of it when they fall silent."""
