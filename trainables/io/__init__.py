"""Input and output: remote files, retries and safe YAML."""
