"""What is around every RPC: layers, put around each method once."""
