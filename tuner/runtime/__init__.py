"""A study on Ray: the driver, callbacks, trial queue and watchdogs.

Private: callbacks, hang_watchdog, persistence, ray_scheduler, ray_tune, time_limit.
"""
