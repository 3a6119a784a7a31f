"""What a person or Prometheus sees of a running study: live table, summary, metrics, trackers."""
