"""Output of a running study: live table, summary, Prometheus metrics, trackers."""
