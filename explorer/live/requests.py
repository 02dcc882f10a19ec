"""The edge of the live path: a JSON request is checked here, and every error is answered.

A server function never raises towards the page. What a person can act on is said in its own
words; anything else goes to the server's log with its traceback, and the page gets a calm
sentence.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from explorer.guard.discretion import without_folders
from explorer.guard.turns import Superseded
from explorer.recipe.recipe import Recipe
from models.errors import BadInput

Json = dict[str, object]
Method = Callable[[Mapping[str, object]], Awaitable[Json]]
ServerFunction = Callable[[object], Awaitable[Json]]

CALM = "Something went wrong inside Strata; nothing of yours is lost - try that once more."

_log = logging.getLogger(__name__)


class UnknownImage(BadInput):
    """The server does not hold this image (any more); the page sends it again by itself."""


_CODES = {UnknownImage: "unknown_image", Superseded: "superseded"}


def answering(method: Method) -> ServerFunction:
    """A plain function around a method, which answers its errors.

    Gradio marks server functions with an attribute and finds them by name, which a bound
    method would not allow.
    """

    async def answer(request: object) -> Json:
        try:
            if not isinstance(request, Mapping):
                raise BadInput("the request is no JSON object - reload the page")
            return await method(request)
        except Exception as error:
            return error_json(error, f"the server function {answer.__name__}")

    answer.__name__ = answer.__qualname__ = method.__name__
    answer.__doc__ = method.__doc__
    return answer


def error_json(error: Exception, what: str = "the live session") -> Json:
    """What the page is told of an exception; to be called while it is handled.

    Args:
        what: What failed, for the server's log.
    """
    if isinstance(error, BadInput):
        return {"error": without_folders(str(error)), "code": _CODES.get(type(error), "bad_input")}
    log_fault(what)
    return {"error": CALM, "code": "internal"}


def log_fault(what: str) -> None:
    """Log the exception under way with its traceback; to be called while it is handled."""
    _log.exception("%s failed", what)


def text_of(request: Mapping[str, object], field: str) -> str:
    """A text field of a request.

    Raises:
        BadInput: If it is missing or no text.
    """
    value = request.get(field)
    if not isinstance(value, str):
        raise BadInput(f"the request needs '{field}' as text - reload the page")
    return value


def recipe_of(request: Mapping[str, object]) -> Recipe:
    """The recipe of a request.

    Raises:
        BadInput: If it is missing or no recipe.
    """
    recipe = optional_recipe(request)
    if recipe is None:
        raise BadInput("the request needs a recipe - open an image first")
    return recipe


def optional_recipe(request: Mapping[str, object]) -> Recipe | None:
    """The recipe of a request, or None where it has none."""
    value = request.get("recipe")
    if value is None:
        return None
    if not isinstance(value, str | Mapping):
        raise BadInput("the recipe is not a JSON object in curly braces - copy it again")
    return Recipe.from_json(value)
