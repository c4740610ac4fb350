"""The errors of this library: one root, few kinds, and each carries its operands."""

import difflib
import re


class CGMError(Exception):
    """Root of all errors raised on purpose by this library.

    Parameters
    ----------
    problem : str
        What is wrong, naming the file or the parameter.
    found : object, optional
        What was met.
    expected : object, optional
        What should have been there.
    remedy : str, optional
        What the user can do about it.

    Attributes
    ----------
    problem, found, expected, remedy
        The arguments, so that code can inspect what a person reads.
    """

    def __init__(self, problem, *, found=None, expected=None, remedy=None):
        self.problem = problem
        self.found = found
        self.expected = expected
        self.remedy = remedy
        sentences = [problem]
        if found is not None:
            sentences.append(f"Found: {found}.")
        if expected is not None:
            sentences.append(f"Expected: {expected}.")
        if remedy is not None:
            sentences.append(remedy)
        super().__init__(" ".join(str(sentence) for sentence in sentences))

    def __reduce__(self):
        """Rebuild from keyword operands, so that the error crosses process boundaries."""
        return _rebuild, (type(self), self.problem, self.found, self.expected, self.remedy)


def _rebuild(kind, problem, found, expected, remedy):
    return kind(problem, found=found, expected=expected, remedy=remedy)


class DataNotFoundError(CGMError, FileNotFoundError):
    """A file or a folder that should hold data isn't there."""

    # OSError would print its errno form; the sentence is what a person needs.
    __str__ = Exception.__str__


class FormatError(CGMError, ValueError):
    """A file exists but doesn't hold what its format promises."""


class IncompleteError(FormatError):
    """A file is a part of what it should be: it was cut off, or is one of several."""


class StorageError(CGMError, OSError):
    """A result can't be written: the disk is full, or the folder may not be written to."""

    __str__ = Exception.__str__


class ParameterError(CGMError, ValueError):
    """A parameter has a value that it can't have."""


class ResultError(CGMError, RuntimeError):
    """A computation ended with a result that can't be trusted."""


LISTED = 12
"""Names that an error lists at most, if none is near."""


def nearest(name, known):
    """Find the known name that somebody meant.

    Parameters
    ----------
    name : object
        As typed.
    known : iterable of str
        Names that there are.

    Returns
    -------
    str or None
        The same but for case and punctuation, or one that holds the name or is held by it, or the
        most similar one (`difflib`); None if none is near.
    """
    plain = {_letters(one): one for one in known}
    typed = _letters(name)
    if typed in plain:
        return plain[typed]
    holding = [
        one for one in plain if min(len(one), len(typed)) > 2 and (typed in one or one in typed)
    ]
    near = sorted(holding, key=len) or difflib.get_close_matches(typed, plain, 1)
    return plain[near[0]] if near else None


def _letters(name):
    return re.sub(r"[\W_]+", "", str(name)).casefold()


def meant(names, known):
    """Say which known names somebody meant.

    Parameters
    ----------
    names : sequence of str
        As typed; none of them is known.
    known : iterable of str
        Names that there are.

    Returns
    -------
    str
        A question, or an empty text if one of the names is near none.
    """
    near = [nearest(name, known) for name in names]
    return f"Did you mean {' and '.join(near)}?" if near and all(near) else ""


def check_known(names, known, problem, *, remedy=None, kind=ParameterError):
    """Refuse unknown names, and say which known one is nearest.

    Parameters
    ----------
    names : str or sequence of str
        As typed.
    known : iterable of str
        Names that there are.
    problem : str
        First sentence of the error.
    remedy : str, optional
        Last one, if no known name is near.
    kind : type, optional
        Class of the error.

    Raises
    ------
    ParameterError
        Or another `kind`.
    """
    known = list(known)
    unknown = [one for one in ([names] if isinstance(names, str) else names) if one not in known]
    if not unknown:
        return
    question = meant(unknown, known)
    listed = "one of " + ", ".join(known) if known and len(known) <= LISTED else None
    raise kind(
        problem,
        found=", ".join(map(repr, unknown)),
        expected=None if question else listed,
        remedy=question or remedy,
    )
