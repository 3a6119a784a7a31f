"""Files and addresses: remote files, retries and safe YAML."""
