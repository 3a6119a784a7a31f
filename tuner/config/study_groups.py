"""The groups of a study, and the packages of its spaces and recipes."""

from trainables.hparams.group import Group

STUDY_GROUPS = {
    "scheduler": Group("what stops trials early", "tuner.schedulers", ("build",)),
    "searcher": Group("what proposes configurations", "tuner.searchers", ("build",)),
}
SPACES_PACKAGE, RECIPES_PACKAGE = "search_spaces", "search_spaces.recipes"
