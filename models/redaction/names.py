"""Names that say that a secret follows (``DB_PASSWORD=``), and what of that which follows is one."""

import re
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise

__all__ = ["WORDS", "Strength", "is_placeholder", "kind_of", "looks_secret", "strength"]


class Strength(IntEnum):
    """How sure a name makes us that what follows is a secret."""

    NONE = 0
    WEAK = 1
    """Names such as ``token``: what follows must look random."""
    STRONG = 2
    """Names such as ``password``: what follows is one unless it is a placeholder, a type or code."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


WORDS = (
    *("passw", "passphrase", "passcode", "pwd", "_pass", "userpass", "kennwort", "contrase", "mdp", "_pw"),
    *("pass=", "pass:", 'pass"', "pass'", "pass\\", "pass =", "pass :", "pw:", "pw="),
    *("secret", "token", "cred", "authorization", "x-auth", "_auth", "_key", "_salt", "mnemonic"),
    *('auth"', "cookie", "psk"),
    *("apikey", "api-key", "api key", "accesskey", "access-key", "access key"),
    *("privatekey", "private-key", "private key", "authkey", "encryptionkey", "signingkey", "sharedkey"),
    *("licensekey", "license key", "masterkey", "recovery code", "seed phrase", "connectionstring"),
)
"""Lower-case; a name that says that a secret follows contains one of them."""

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z\u00df-\u00ff]+")
_STRONG = _words(
    """password passwords passwd passphrase passcode passwort kennwort contraseña pwd pass pw mdp psk secret secrets
    apikey mnemonic"""
)
_STRONG_ENDINGS = (
    *("password", "passwd", "passwort", "passphrase", "secret", "apikey", "apitoken"),
    *("userpass", "storepass", "keypass"),
)
_WEAK = _words("token auth authorization credential credentials cred creds salt cookie accesskey privatekey")
_WEAK_ENDINGS = (
    *("token", "accesskey", "privatekey", "authkey", "signingkey", "encryptionkey", "licensekey", "masterkey"),
    "sharedkey",
)
_KEY_OF = _words(
    """api secret private access auth encryption signing app license master account shared preshared jwt crypt hmac
    webhook"""
)
"""Not ``session``: the keys that sessions have are their names."""
_CODE_OF = _words("pass seed recovery backup")
_IGNORED_ENDINGS = _words(
    "prod production dev staging test old new live base value plain text current string admin root"
)
_HARMLESS_ENDINGS = _words(
    """age algo algorithm alias arn backend bits budget budgeting bytes cached changed chars check checker class
    completion confirmed cost count counts created date description digest dir enabled encryption endpoint env error
    errors exp expiration expire expires expiry field fields file filename files format generator hash hashed header
    headers hint hints id ids in index input kind label length len level lifetime limit limits location logprobs
    manager max message method min mode mount name names num number offset out output path pattern per placeholder
    policy position prefix price prob probability probs prompt provider rate reasoning received ref reference regex
    remaining required requirements reset rotation rule rules scope scopes sent size source status storage store
    strategy strength suffix time timeout title total ttl type types updated uri uris url urls usage used valid
    validation validator var variable verification version visibility visible volume window"""
)
_HARMLESS_BEGINNINGS = _words(
    """bos cached change completion continuation cls cursor eos forgot has hide input is mask max min next no num output
    pad page pagination prompt pub public publishable reasoning reset resume sep show special start stop sync toggle
    total unk use with without"""
)


@lru_cache(maxsize=4096)
def strength(name: str) -> Strength:
    """How sure ``name`` (of a variable, a JSON key, a header) makes us."""
    parts = [part.lower() for part in _PARTS.findall(name)]
    while parts and parts[-1] in _IGNORED_ENDINGS:
        parts.pop()
    if not parts or parts[-1] in _HARMLESS_ENDINGS or parts[0] in _HARMLESS_BEGINNINGS:
        return Strength.NONE
    if "public" in parts or parts[-1] == "tokens":
        return Strength.NONE
    return _strength_of(parts, upper=name.isupper())


def _strength_of(parts: list[str], *, upper: bool) -> Strength:
    last, before = parts[-1], parts[-2] if len(parts) > 1 else ""
    if last in _STRONG or last.endswith(_STRONG_ENDINGS):
        return Strength.STRONG
    if last in {"key", "keys"}:
        if before in {"api", "secret", "private"}:
            return Strength.STRONG
        return Strength.WEAK if before in _KEY_OF or upper else Strength.NONE
    if last in {"phrase", "code", "codes"}:
        return Strength.STRONG if before in _CODE_OF else Strength.NONE
    if last in _WEAK or last.endswith(_WEAK_ENDINGS) or (before, last) == ("connection", "string"):
        return Strength.WEAK
    telling = any(part in _STRONG and part not in {"pass", "pw"} for part in parts)
    return Strength.WEAK if telling else Strength.NONE  # the name of a secret, with an ending that we do not know


def kind_of(name: str) -> str:
    """What a name says that it holds: ``password``, ``token`` or ``secret``."""
    low = name.lower()
    if any(word in low for word in ("pass", "pwd", "kennwort", "contrase")) or low.endswith(("_pw", "mdp")):
        return "password"
    return "token" if "token" in low or "auth" in low else "secret"


_PLACEHOLDER = re.compile(
    r"""(?ix) \[[a-z] | <[^>]*>?$ | [^<]*>$ | !\w+$ | [${(] | %[\w({] | [#@]\{ | [*•x.\-_?#=]+$ | \.\.\.
    | (?:your|my|the|an?|some|insert|enter|replace|put|add|set|change)[-_ ]
    | .*[-_](?:here|placeholder|goes)$ | .*(?:\.\.\.|…)$ | .*(?:x{8}|\*{3})
    | .*(?:process\.env|os\.environ|import\.meta|getenv|secrets\.|vars\.|config\.|settings\.|self\.|this\.|req\.)
    | .*(?:request\.|args\.|options\.|params\.|env\.|data\.|body\.|props\.|user\.|ctx\.|event\.|form\.)
    | (?:str|string|int|integer|number|bool|boolean|bytes|any|object|text|varchar|char|float|list|dict|array|buffer
        |&\w*str|secretstr|unicode|uuid|date|datetime|function|optional)\b(?:$|[\[(|?;<\ ])"""
)
_SAID_INSTEAD = _words(
    """none null nil undefined true false yes no on off n/a na empty unset missing required optional hidden masked
    redacted removed omitted filtered secret password passwd passwort token apikey api-key api_key default example
    placeholder todo tbd changed unchanged invalid incorrect wrong expired unknown enabled disabled valid set ok error
    failed"""
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PATH = re.compile(
    r"(?:/|~/|\./|\.\./|[A-Za-z]:\\)[\w./\\ -]*$"
    r"|[\w./-]+\.(?:json|ya?ml|toml|txt|pem|key|crt|env|py|js|ts|go|rs|md|html?|conf|ini|cfg|enc|gpg|kdbx)$"
)
_CALL = re.compile(r"[\w.$]+\(|.*(?:\)|=>|&&|\|\|)$|(?:new|await|async|typeof|return|lambda|function|f|r|b)\s")
_MEMBER = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|->|::|\[)[\w$\"'\]]+)+$")
_WORDS_ONLY = re.compile(r"[^\W\d_]+(?:[-_. ][^\W\d_]+)*[.!?:,]?$")
_TELLING = re.compile(r"pass|secret|token|key|cred|auth|env|config", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?[\d.,_:/%TZ+ -]+$")
_VERSION = re.compile(r"v?\d+(?:\.\d+)+(?:[-+.\w]*)$|\d+(?:px|em|rem|%|ms|s|m|h|d|kb|mb|gb|k)$", re.IGNORECASE)


_TELLING_LENGTH = 300
"""Characters that tell what a value is; a page without spaces may have thousands of values that go on to its end."""


def is_placeholder(value: str) -> bool:
    """Whether it stands for a secret that somebody is to put in: ``${PASSWORD}``, ``<token>``, ``your-key-here``."""
    return bool(_PLACEHOLDER.match(value))


def looks_secret(value: str, sure: Strength, *, quoted: bool, alone: bool = True) -> bool:
    """Whether ``value``, found behind a name, is a secret rather than a placeholder, code or prose.

    Args:
        value: without quotes.
        sure: the name's :func:`strength`.
        quoted: it stood in quotes, or is a JSON string.
        alone: nothing but the end of its line or sentence follows; matters to unquoted words.
    """
    if not value or value.lower() in _SAID_INSTEAD:
        return False
    head = value[:_TELLING_LENGTH]
    if _PLACEHOLDER.match(head) or _URL.match(head) or _PATH.match(head) or _CALL.match(head):
        return False
    if sure == Strength.WEAK:
        return len(value) <= 4096 and _random(head)
    return _is_said(value) if quoted else _is_written(head, alone=alone)


def _is_said(value: str) -> bool:
    """Whether a string behind a strong name is a secret: sentences are labels and messages."""
    return len(value) <= 1024 and not (" " in value and (len(value.split()) > 2 or _WORDS_ONLY.match(value)))


def _is_written(value: str, *, alone: bool) -> bool:
    """Whether what stands behind a strong name without quotes is a secret."""
    if value.isalpha() and _turns(value) >= 4:
        return True
    if _WORDS_ONLY.match(value):
        return alone and len(value) >= 5 and not _TELLING.search(value)
    return len(value) >= 3 and not _MEMBER.match(value)


def _random(value: str) -> bool:
    """Whether it has the mixture that keys have and words, numbers, dates and identifiers do not."""
    if len(value) < 10 or " " in value or _NUMBER.match(value) or _VERSION.match(value):
        return False
    if len(value) < 12 and (value.lower() == value or value.upper() == value):
        return False
    digits = sum(char.isdigit() for char in value)
    letters = sum(char.isalpha() for char in value)
    if letters and digits:
        words = re.findall(r"[a-z]{4,}", value)
        return digits >= 3 or sum(map(len, words)) < len(value) / 2
    return len(value) >= 20 and _turns(value) >= 6 and not _MEMBER.match(value) and not _WORDS_ONLY.match(value)


def _turns(value: str) -> int:
    """How often it changes between capitals and small letters, beyond what words do."""
    return sum(a.islower() != b.islower() for a, b in pairwise(value))
