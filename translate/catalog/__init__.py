"""Named data sets: a name refers to the user's own folder, or to a recipe that is fetched once and cached."""

from translate.catalog.fetch import Folder, cache_folder, fetch
from translate.catalog.groups import classes
from translate.catalog.names import absolute, identify, local, recipes, resolve
from translate.catalog.recipe import Recipe

__all__ = [
    "Folder",
    "Recipe",
    "absolute",
    "cache_folder",
    "classes",
    "fetch",
    "identify",
    "local",
    "recipes",
    "resolve",
]
