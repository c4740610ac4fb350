"""The errors of this library: one root, few kinds, and each carries its operands."""


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
