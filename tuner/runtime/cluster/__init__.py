"""The Ray cluster: start or join it, its capacity, its head node, its runtime environment."""
