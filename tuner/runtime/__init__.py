"""A study on Ray: the driver, callbacks, trial queue and watchdogs.

Private: hang_watchdog, persistence, ray_adapters, ray_tune, study_core, study_events.
"""
