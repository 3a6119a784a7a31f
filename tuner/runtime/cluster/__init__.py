"""The Ray cluster: start or join it, its capacity, its head node, what is sent to it."""
