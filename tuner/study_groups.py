"""The groups that a study, rather than a trial, consists of."""

from trainables.groups import Group

STUDY_GROUPS = {
    "scheduler": Group("what stops trials early", "tuner.schedulers", ("build",)),
    "searcher": Group("what proposes configurations", "tuner.searchers", ("build",)),
}
