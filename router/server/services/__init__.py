"""The services of the public contract: requests become commands or readings, and answers responses."""
