"""What a server holds and how it comes back: recovery, memory, snapshots."""
