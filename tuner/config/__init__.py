"""What a study is: settings, objectives, search-space domains, the plan and its validation.

Private: validate_trial, validate_study.
"""
