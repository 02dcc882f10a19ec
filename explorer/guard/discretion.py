"""What a visitor is told names no folder of the server: of a path, its last part."""

from __future__ import annotations

import re

# A path in quotes may hold spaces; one without ends at the first. One part alone after a slash
# is the name of an endpoint or of a unit, and what follows a letter or a colon is no path of ours.
_ROOT = r"(?:[A-Za-z]:[/\\]|\\\\|~?/)"
_QUOTED = re.compile(rf"""(['"])({_ROOT}[^'"\n]*)\1""")
_PLAIN = re.compile(
    r"""(?<![\w.:/\\~])(?:~?/|[A-Za-z]:\\)(?:[^\s/\\'",;:()<>]+[/\\])+[^\s'",;:()<>]*"""
)


def without_folders(text: str) -> str:
    """A message with every absolute path in it cut down to the name at its end."""
    quoted = _QUOTED.sub(lambda found: f"{found[1]}{_last(found[2])}{found[1]}", text)
    return _PLAIN.sub(lambda found: _last(found[0]), quoted)


def _last(path: str) -> str:
    parts = [part for part in re.split(r"[/\\]", path) if part]
    return parts[-1] if parts else path
