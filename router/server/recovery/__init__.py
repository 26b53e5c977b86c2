"""What outlives a process: snapshots as they are written, and the way back from them and the journal."""
