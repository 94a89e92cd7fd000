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

_READING = frozenset(
    {
        "cat",
        "zcat",
        "head",
        "tail",
        "ls",
        "find",
        "stat",
        "file",
        "tree",
        "wc",
        "sort",
        "uniq",
        "cut",
        "tr",
        "sed",
        "awk",
    }
    | {
        "jq",
        "strings",
        "column",
        "tac",
        "nl",
        "ps",
        "ss",
        "netstat",
        "lsof",
        "df",
        "du",
        "mount",
        "free",
        "uname",
        "id",
    }
    | {"who", "uptime", "date", "hostname", "env", "printenv", "dmesg", "journalctl", "history", "lsblk", "dpkg-query"}
)
"""Programs that only show or rearrange text, of whose failure a pipe that ends in a search may well keep silent."""

_SUBCOMMANDS = {
    "git": frozenset({"log", "diff", "show", "status", "branch", "ls-files", "grep", "remote", "tag", "blame"}),
    "kubectl": frozenset({"get", "logs", "describe", "top", "version", "api-resources", "events"}),
    "docker": frozenset({"ps", "logs", "images", "inspect", "stats", "version"}),
    "systemctl": frozenset({"status", "show", "list-units", "list-unit-files", "list-timers", "is-active", "cat"}),
    "helm": frozenset({"list", "status", "history"}),
    "npm": frozenset({"ls", "list"}),
    "pip": frozenset({"list", "freeze", "show"}),
}
"""What these programs are asked to show; with any other word they act."""

_SHELL = re.compile(r"exec|bash|shell|terminal|command|(?:^|[^a-z])(?:sh|run)(?:$|[^a-z])", re.IGNORECASE)
_ONE = re.compile(
    r"(?:^|.\()(?:(?:(?:command|process) )?exited with (?:exit )?(?:code|status) 1|exit(?: (?:code|status))?:? 1)\)?\.?\Z",
    re.DOTALL | re.IGNORECASE,
)
_TROUBLE = re.compile(
    r"^(?!which: no |cmp: EOF )(?:(?P<program>[\w./][\w./-]*): \S"
    r"|[^\s<>+-].*: (?:No such file or directory|Permission denied|(?:command )?not found)\s*$"
    r"|(?:[A-Z]\w*)?(?:Error|ERROR)\b|fatal\b|Traceback\b)",
    re.MULTILINE,
)
"""A line in which a program tells of an error, if that program ran: ``name: x`` may be a line of a file."""

_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish", "sudo", "line"})
_BEFORE = frozenset({"!", "sudo", "command", "time", "env"})
_ASSIGNED = re.compile(r"\w+=.*", re.DOTALL)
_VALUED = frozenset(
    {"-u", "-g", "-h", "-n", "-C", "-c", "--user", "--group", "--namespace", "--context", "--kubeconfig"}
)
"""Options of sudo, git and kubectl whose value is the next word, except that sudo's ``-n`` has none."""

_READ = 4_000
"""Characters of a command that are read; a longer one is a program of its own."""


def said_no(tool: str, arguments: str, output: str, error: str) -> bool:
    """Whether a failed call only ran a command that found nothing or found a difference, and reported no error.

    >>> said_no("exec", '{"command":"grep -rn TODO src"}', "", "exit code 1")
    True
    """
    if not _ONE.search(error) or not _SHELL.search(tool):
        return False
    command = _command(arguments)
    last, fed = _programs(command)
    if ANSWERS.isdisjoint(last) or not last <= ANSWERS | _HARMLESS or not fed <= ANSWERS | _HARMLESS | _READING:
        return False
    return not (_troubled(output, command) or _troubled(error, command))


def _troubled(text: str, command: str) -> bool:
    """Whether a line tells of an error of the shell or of a program that the command names."""
    for found in _TROUBLE.finditer(text):
        name = (found["program"] or "").rpartition("/")[2]
        if not found["program"] or name in _SHELLS or re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", command):
            return True
    return False


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


def _programs(command: str) -> tuple[frozenset[str], frozenset[str]]:
    """The programs whose exit code the last line of a command may hand back, and those that feed them through pipes.

    Of ``make; cd src && cat a | grep x`` these are cd and grep, and cat; none where that is hard to tell.
    """
    lexer = shlex.shlex(command.replace("\\\n", " ").strip(" \t\n;"), posix=True, punctuation_chars=";&|()<>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    pipes: list[list[list[str]]] = [[[]]]
    try:
        for token in lexer:
            sign = token.strip("\n") if token.strip(";&|()<>\n") == "" else token
            if sign in ("", ";"):
                pipes = [[[]]]
            elif sign in ("&&", "||"):
                pipes.append([[]])
            elif sign in ("|", "|&"):
                pipes[-1].append([])
            elif sign in ("&", "(", ")", ";;") or "`" in sign or "$(" in sign:
                return frozenset(), frozenset()
            else:
                pipes[-1][-1].append(sign)
    except ValueError:  # a quote that is not closed
        return frozenset(), frozenset()
    last = frozenset(_program(pipe[-1]) for pipe in pipes)
    return last, frozenset(_program(words, alone=True) for pipe in pipes for words in pipe[:-1])


def _program(words: list[str], *, alone: bool = False) -> str:
    """The program of a simple command, without assignments and "sudo" before it.

    Empty when it has no argument, unless it may stand ``alone``. What git and its like show goes by the plain name of
    the program that does the same, or of one that only reads.
    """
    left = words
    while left and (left[0] in _BEFORE or _ASSIGNED.fullmatch(left[0])):
        if len(left) == 1 and left[0] in _READING:
            break
        left = _after_options(left[1:], sudo=left[0] == "sudo") if left[0] in _BEFORE else left[1:]
    if not left:
        return ""
    name = left[0].rpartition("/")[2]
    if name in _SUBCOMMANDS:
        asked = next(iter(_after_options(left[1:])), "")
        return _asked(name, asked, left)
    return name if len(left) > 1 or alone or name in _HARMLESS else ""


def _asked(name: str, asked: str, words: list[str]) -> str:
    if name == "git" and asked == "grep":
        return "grep"
    if name == "git" and asked == "diff" and {"--exit-code", "--quiet"} & set(words):
        return "diff"
    return "cat" if asked in _SUBCOMMANDS[name] else name


def _after_options(words: list[str], *, sudo: bool = False) -> list[str]:
    """The words from the first that is no option, nor the value of one."""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in _VALUED and not (sudo and words[at] == "-n") else 1
    return words[at:]
