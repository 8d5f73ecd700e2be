"""What a user got wrong, in one line."""

from __future__ import annotations

from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["UserError", "explain", "one_line", "refusing", "unknown"]


class UserError(Exception):
    """A mistake of the user; the message is the one line that is shown."""


def unknown(what: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a `what` that does not exist; it names the nearest one and all there are.

    >>> unknown("scenario", "quikstart", ["quickstart"]).args[0]
    "no scenario 'quikstart'; did you mean 'quickstart'? There is: quickstart"
    """
    names = sorted(known)
    lowered = {candidate.lower(): candidate for candidate in names}
    near = get_close_matches(name.lower(), lowered, n=1)
    guess = f"; did you mean {lowered[near[0]]!r}?" if near else "."
    return UserError(f"no {what} {name!r}{guess} There is: {', '.join(names) or 'none'}")


@contextmanager
def refusing(*kinds: type[Exception]) -> Iterator[None]:
    """Turns errors of these kinds into a UserError: for code that judges what a user gave."""
    try:
        yield
    except kinds as error:
        raise UserError(one_line(str(error))) from error


def one_line(text: str) -> str:
    """`text` with its line ends taken out."""
    return " ".join(text.split())


def explain(error: Exception) -> str | None:
    """The line to show for an error that the user caused; None for one that is ours.

    Empty when the help that was shown says it all.
    """
    if isinstance(error, UserError):
        return one_line(str(error))
    if any(kind.__name__ == "ClickException" for kind in type(error).__mro__):
        return _usage(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {(error.strerror or str(error)).lower()}"
    from mexchange.data.errors import DataError

    return one_line(str(error)) if isinstance(error, DataError) else None


def _usage(error: Exception) -> str:
    message = one_line(getattr(error, "format_message", lambda: str(error))())
    context = getattr(error, "ctx", None)
    if not message or context is None:
        return message
    return f"{message} (see `{context.command_path} --help`)"
