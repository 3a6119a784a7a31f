"""Speed, measured: one file a question, each run as a command; results lie beside them."""
