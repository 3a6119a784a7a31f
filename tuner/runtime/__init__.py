"""A study on Ray: the driver, callbacks, trial queue and watchdogs."""
