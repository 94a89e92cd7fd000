"""Shell commands that answer a question with their exit code, such as grep and diff: 1 is their no.

Whether a result is a failure is told from the result alone; here the command that was run is known too.
"""

import re
import shlex

import msgspec

__all__ = ["ANSWERS", "said_no"]

ANSWERS = frozenset({"grep", "egrep", "fgrep", "zgrep", "rg", "diff", "cmp", "test", "[", "[[", "pgrep", "which"})
"""Programs whose exit code 1 means that nothing was found or that things differ; an error of theirs has another."""

_HARMLESS = frozenset({"cd", "echo", "printf", "true", "pwd", "export", "set"})
"""Programs that hardly fail without a word: where they stand beside the others, a silent 1 is not theirs."""

_SHELL = re.compile(r"exec|bash|shell|terminal|command|(?:^|[^a-z])(?:sh|run)(?:$|[^a-z])", re.IGNORECASE)
_ONE = re.compile(r"(?:^|.\()exit code 1\)?\Z", re.DOTALL)
_TROUBLE = re.compile(
    r"^(?!which: no |cmp: EOF )(?:[\w./][\w./-]*: \S|(?:[A-Z]\w*)?(?:Error|ERROR)\b|fatal\b|Traceback\b)",
    re.MULTILINE,
)
"""A line in which a program tells of an error of its own."""

_BEFORE = re.compile(r"\w+=.*|!|sudo|command|time|env", re.DOTALL)
_READ = 4_000
"""Characters of a command that are read; a longer one is a program of its own."""


def said_no(tool: str, arguments: str, output: str, error: str) -> bool:
    """Whether a failed call only ran a command that found nothing or found a difference, and reported no error.

    >>> said_no("exec", '{"command":"grep -rn TODO src"}', "", "exit code 1")
    True
    """
    if not _ONE.search(error) or not _SHELL.search(tool):
        return False
    programs = _programs(_command(arguments))
    if ANSWERS.isdisjoint(programs) or not programs <= ANSWERS | _HARMLESS:
        return False
    return not (_TROUBLE.search(output) or _TROUBLE.search(error))


def _command(arguments: str) -> str:
    """The command line of a call; of one given as a list of words, the last: ``["bash", "-lc", "grep x"]``."""
    try:
        given = msgspec.json.decode(arguments)
    except msgspec.DecodeError:
        return ""
    command = (given.get("command") or given.get("cmd")) if isinstance(given, dict) else None
    if isinstance(command, list):
        words = [word for word in command if isinstance(word, str)]
        command = words[-1] if len(words) == 3 and words[1] in ("-c", "-lc") else shlex.join(words)
    return command if isinstance(command, str) and len(command) <= _READ else ""


def _programs(command: str) -> frozenset[str]:
    """The programs whose exit code the last line of a command may hand back; none where that is hard to tell.

    Those are the last of each pipe of the last list: of ``make; cd src && cat a | grep x`` cd and grep.
    """
    lexer = shlex.shlex(command.replace("\\\n", " ").strip(" \t\n;"), posix=True, punctuation_chars=";&|()<>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    last: list[list[str]] = [[]]
    try:
        for token in lexer:
            sign = token.strip("\n") if token.strip(";&|()<>\n") == "" else token
            if sign in ("", ";"):
                last = [[]]
            elif sign in ("&&", "||"):
                last.append([])
            elif sign in ("|", "|&"):
                last[-1] = []
            elif sign in ("&", "(", ")", ";;") or "`" in sign or "$(" in sign:
                return frozenset()
            else:
                last[-1].append(sign)
    except ValueError:  # a quote that is not closed
        return frozenset()
    return frozenset(_program(words) for words in last)


def _program(words: list[str]) -> str:
    """The program of a simple command, without assignments and "sudo" before it; empty when it has no argument."""
    at = next((at for at, word in enumerate(words) if not _BEFORE.fullmatch(word)), len(words))
    name = words[at].rpartition("/")[2] if at < len(words) else ""
    return name if len(words) > at + 1 or name in _HARMLESS else ""
