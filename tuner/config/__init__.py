"""Definition of a study: settings, objectives, search-space domains, the plan and its validation.

Private: validate_trial, validate_study.
"""
