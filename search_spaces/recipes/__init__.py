"""Recipes: complete configurations, one per file, each with a function `recipe`."""
