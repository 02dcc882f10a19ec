"""The edge of the live path: a JSON request is checked here, and every error is answered.

A server function never raises towards the page. What a person can act on is said in its own
words; anything else goes to the server's log with its traceback, and the page gets a calm
sentence.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Awaitable, Callable, Mapping

from explorer.guard.discretion import without_folders
from explorer.guard.turns import Superseded
from explorer.images.uploads import UnknownImage
from explorer.recipe.recipe import Recipe
from models.errors import BadInput
from models.reading.files import MAX_BYTES

Json = dict[str, object]
Method = Callable[[Mapping[str, object]], Awaitable[Json]]
ServerFunction = Callable[[object], Awaitable[Json]]

CALM = "Something went wrong inside Strata; nothing of yours is lost - try that once more."

_log = logging.getLogger(__name__)


_CODES = {UnknownImage: "unknown_image", Superseded: "superseded"}

PIECE = 4 * 2**16  # letters of base64: a whole number of its groups
LONGEST_NAME = 255  # letters of a file's name that are kept


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


def file_data(value: object) -> bytes:
    """The bytes of a file from base64, with or without the head of a data URL.

    Raises:
        BadInput: If it is no base64, or more than a file may have.
    """
    if not isinstance(value, str):
        raise BadInput("the upload holds no data - choose the file again")
    encoded = value.partition(",")[2] if value.startswith("data:") else value
    if len(encoded) > 4 * (MAX_BYTES // 3 + 2):
        limit = MAX_BYTES // 2**20
        raise BadInput(f"the file is larger than {limit} MiB - save it smaller and try again")
    pieces = (encoded[at : at + PIECE] for at in range(0, len(encoded), PIECE))
    try:  # a piece at a time: to decode it all at once holds up every other thread
        return b"".join(base64.b64decode(piece, validate=True) for piece in pieces)
    except (binascii.Error, ValueError) as error:
        raise BadInput("the upload arrived damaged - choose the file again") from error


def file_of(request: Mapping[str, object]) -> tuple[bytes, str]:
    """The bytes and the name of a file that a page sends; as `file_data`."""
    name = request.get("name")
    known = name[-LONGEST_NAME:] if isinstance(name, str) else "the file"
    return file_data(request.get("data")), known
