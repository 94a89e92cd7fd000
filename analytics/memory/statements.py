"""Statements worth remembering, sentence by sentence: facts, preferences, decisions, commitments, what is to be done."""

import re
from dataclasses import dataclass
from functools import lru_cache

from analytics.memory.dates import due as due_of
from analytics.memory.rules import HEADS, Rule, rules
from analytics.memory.sentences import clauses, normal, sentences

__all__ = ["Statement", "content_words", "statements"]


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that is worth remembering."""

    place: int
    """Number of the sentence in its message, from 0."""
    kind: str
    text: str
    subjects: tuple[str, ...]
    """What it is about; of several, the last is what it asserts and the others are what it ends. Empty: nothing newer
    can take its place."""
    own: bool
    due: int | None
    weight: float


_HEAD = re.compile(r"[a-zäöüß]+", re.IGNORECASE)
_UNSURE = re.compile(
    r"^(?:if|unless|suppose|imagine|pretend|what if|when i|whenever|wenn|falls|angenommen|stell dir vor|als ich|\")"
    r"|\b(?:i wish|i might|maybe|perhaps|possibly|i'm not sure|not sure (?:if|whether)|hypothetically|just kidding|joking|for example|e\.g\."
    r"|would (?:be|have|like)|could be|vielleicht|möglicherweise|zum beispiel|z\. ?b\.|wäre|würde|könnte sein|(?:er|sie|he|she|they) (?:sagt|sagte|said|says|thinks?)"
    r"|ich glaube|i think|i guess|haven't decided|not decided|noch nicht entschieden|used to|früher|lorem ipsum)\b",
    re.IGNORECASE,
)
_SURE_ANYWAY = frozenset({"decision", "preference", "pending"})
_WORD = re.compile(r"[\w.+#/-]*\w[+#]*", re.UNICODE)
_FILLERS = frozenset(
    "a an the my our your this that these those i we you it is are am be to of and or so very really always never please now also still any more "
    "again anymore only just from on going forward future in ever don't do not no all some every each time usually normally generally mostly "
    "typically too well here there ein eine einen einem einer der die das den dem des mein meine unser unsere ich wir du sie es ist sind bin und oder "
    "sehr immer nie niemals bitte jetzt auch noch nur mehr wieder ab sofort zukunft künftig nicht kein keine keinen gern gerne lieber am liebsten "
    "meistens normalerweise heute grundsätzlich generell mal mir dir mich dich uns".split()
)
_STOP = _FILLERS | frozenset(
    "will shall i'll we'll i've have has had can could would should by at for with about as soon once when after before until then tomorrow today tonight "
    "next week month monday tuesday wednesday thursday friday saturday sunday werde werden habe haben hat bis um für mit sobald wenn nach vor "
    "morgen heute nächste woche montag dienstag mittwoch donnerstag freitag samstag sonntag let know send sent get got back done finished need must "
    "schicke geschickt melde erledigt fertig muss remind me you me us him her them erinnere mich daran an".split()
)
_TIMED = frozenset(
    {
        "deploy",
        "release",
        "ship",
        "meet",
        "merge",
        "publish",
        "bill",
        "invoice",
        "deployen",
        "releasen",
        "treffen uns",
        "mergen",
    }
)
_LANGUAGE = re.compile(
    r"\b(?:english|german|french|spanish|italian|deutsch|englisch|französisch|spanisch|italienisch)\b", re.IGNORECASE
)
_SPEAKS = re.compile(r"\b(?:answer|reply|respond|write|speak|talk|antworte\w*|schreib\w*|sprich|rede)\b", re.IGNORECASE)
_LIMIT = 40
"""Statements of one message at most."""


def statements(text: str, speaker: str, said_at: int) -> list[Statement]:
    """The statements of a message; ``said_at`` (Unix milliseconds) is what its times refer to.

    A sentence is one statement, and what its further clauses say of their speaker are others: who moves is still vegetarian.
    """
    found: list[Statement] = []
    for place, sentence, told in _candidates(text, speaker):
        due = due_of(sentence, said_at)
        subjects: set[str] = set()
        met = 0
        for candidates in told:
            one = next((one for one in candidates if due is not None or not one[0].due), None)
            if one is None or (met and not (one[0].own and subjects.isdisjoint(one[1]) and one[1])):
                continue
            rule, about = one
            timed = due if rule.kind in ("commitment", "pending") else None
            found.append(Statement(place, rule.kind, sentence, about, rule.own, timed, rule.weight))
            subjects.update(about)
            met += 1
        if len(found) >= _LIMIT:
            break
    return found


@lru_cache(maxsize=4_096)
def content_words(text: str) -> frozenset[str]:
    """The words that say what a sentence is about, each cut to its first six letters."""
    return frozenset(w[:6] for w in _WORD.findall(normal(text).lower()) if len(w) > 2 and w not in _STOP)


Met = tuple[tuple[Rule, tuple[str, ...]], ...]


@lru_cache(maxsize=4_096)
def _candidates(text: str, speaker: str) -> tuple[tuple[int, str, tuple[Met, ...]], ...]:
    """Number and text of each sentence that rules may meet, and what each of its clauses meets."""
    found = []
    for place, sentence in enumerate(sentences(text)):
        question = sentence.rstrip("\"') ").endswith("?")
        unsure: bool | None = None  # not looked at yet: few sentences need it
        told: list[Met] = []
        for clause in clauses(sentence):
            met: list[tuple[Rule, tuple[str, ...]]] = []
            head = _HEAD.match(clause)
            if head is None:
                continue
            any_of_them, met_by = rules(_head(head[0].lower()))
            if not any_of_them.match(clause):
                continue
            for rule, pattern in met_by:
                if speaker not in rule.speakers or (question and rule.kind != "pending"):
                    continue
                if match := pattern.match(clause):
                    if rule.kind not in _SURE_ANYWAY:
                        unsure = _UNSURE.search(normal(sentence)) is not None if unsure is None else unsure
                        if unsure:
                            continue
                    met.append((rule, _subjects(rule, match, clause)))
                    if not rule.due:
                        break
            told.append(tuple(met))
        if any(told):
            found.append((place, sentence, tuple(told)))
    return tuple(found)


def _head(word: str) -> str:
    return word if word in HEADS else ""


def _subjects(rule: Rule, match: re.Match[str], clause: str) -> tuple[str, ...]:
    subjects = []
    for template in rule.subject.split("|"):
        timed = template == "we {1} {2}" and match[1].lower() in _TIMED
        subject = ("we {1}" if timed else template).replace("{0}", _verb_key(clause))
        for number in range(1, (match.re.groups or 0) + 1):
            subject = subject.replace(f"{{{number}}}", _key(match[number] or ""))
        if rule.subject.startswith("prefer {1}/"):
            subject = "prefer " + "/".join(sorted((_key(match[1]), _key(match[2]))))
        if subject.strip() and not subject.endswith((" ", "/")):
            subjects.append(subject)
    return tuple(dict.fromkeys(subjects))


def _key(text: str) -> str:
    """What a phrase names, in one form: at most four words without articles and fillers."""
    words = [w for w in _WORD.findall(text.lower()) if w not in _FILLERS]
    return " ".join(words[:4])


def _verb_key(clause: str) -> str:
    """The first two words of substance of a rule of conduct: what is done, and to what or how."""
    if _LANGUAGE.search(clause) and _SPEAKS.search(clause):
        return "language"
    words = [w for w in _WORD.findall(clause.lower()) if w not in _FILLERS]
    return " ".join(words[:2])
