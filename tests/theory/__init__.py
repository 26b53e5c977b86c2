"""The simulator held against exact results of queueing theory."""
