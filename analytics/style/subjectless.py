"""Statements that leave out their subject ("Will do.", "Does not work.", "Wird erledigt.") and so look like questions.

A verb at the start of a sentence asks when its subject follows; what follows here can be none.
"""

from functools import cache
from itertools import product

from analytics.style.lexicon import LANGUAGES, Table, table

__all__ = ["subjectless"]

_SOON = "not now also already still just never only probably definitely really actually fully apparently"
_ACT = (
    "do be have work help need love like confirm reproduce see get go try make take fail connect find open load read write "
    "look seem stop happen matter apply appreciate prefer use check update fix wait keep let send report follow investigate"
)
_DONE = (
    "done fixed resolved solved wrong fine ready gone finished failing deployed merged installed back broken working "
    "updated removed deleted restored confirmed unable supposed"
)
_ERLEDIGT = (
    "gemacht erledigt geklappt behoben gefixt gelöst repariert fertig geprüft bestätigt funktioniert geändert gelöscht "
    "installiert neugestartet geschickt verschickt gespeichert notiert umgesetzt korrigiert fehlgeschlagen geschafft"
)
_SCHON = "schon bereits jetzt nun sofort gleich leider auch nicht leider_nicht"

_STARTS = {
    "en": (
        ("will would can could should may might must", "", f"{_SOON} {_ACT}"),
        ("won't wouldn't can't couldn't shouldn't mustn't", "", f"{_SOON} {_ACT}"),
        ("does did doesn't didn't", "", f"{_SOON} {_ACT}"),
        ("is was are were isn't wasn't aren't weren't", "", f"{_SOON} been {_DONE}"),
        (
            "has had have hasn't hadn't haven't",
            "",
            f"{_SOON} been fixed failed worked tried checked done seen had found got gotten changed",
        ),
        ("am", "", f"{_SOON} {_DONE} on at in trying"),
    ),
    "de": (
        ("wird wurde ist sind hat war habe_ich hab_ich", _SCHON, _ERLEDIGT),
        (
            "sollte könnte müsste dürfte",
            _SCHON,
            "gehen klappen funktionieren reichen passen sein laufen helfen stimmen",
        ),
    ),
}
"""Verbs, what may stand between, and what follows; ``_`` joins words."""


@cache
def subjectless() -> Table:
    """Beginnings of such statements."""
    return table(
        (" ".join(filter(None, words)).replace("_", " "), LANGUAGES.index(language), 0)
        for language, kinds in _STARTS.items()
        for verbs, between, rests in kinds
        for words in product(verbs.split(), ["", *between.split()], rests.split())
    )
