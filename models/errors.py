"""The one error a person may see: what was wrong, and what to do."""

from __future__ import annotations


class BadInput(ValueError):
    """Input from outside that cannot be used.

    The message is written for a person: it says what was wrong and what to do next.
    The page shows it as it is, and a command line prints it without a traceback.
    """
