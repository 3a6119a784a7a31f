"""Training methods: one file each, with an `inner` and an `outer`."""
