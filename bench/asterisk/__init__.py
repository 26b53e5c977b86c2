"""A real Asterisk under load: this router over ARI beside its own `app_queue`, with the same callers and agents."""
