"""Words that no topic is about: function words and courtesies of English and German."""

from collections.abc import Iterable

from analytics.embedding import words

__all__ = ["READ", "STOPWORDS", "content", "read"]

_ENGLISH = """
a about above after again against all almost also although always am an and another any anybody anyone anything are
aren as ask at away back be because been before being below between both but by came can cannot come could couldn did
didn do does doesn doing don done down during each either else ever every everything few first for from further get gets
getting give given go goes going gonna good got great had hadn has hasn have haven having he hello help her here hers
herself hey hi him himself his how however i if in into is isn it its itself just keep kind know last least less let like
ll look looking lot made make many may maybe me might mine more most much must my myself need needed needs never new next
no nobody none nor not nothing now of off ok okay on once one only or other others our ours ourselves out over own part
perhaps please possible put quite rather re really right said same say says second see seem seems shall she should
shouldn show since so some somebody someone something soon still such sure take tell than thank thanks that the their
theirs them themselves then there these they thing things think this those though through thus till to today together
tomorrow too took toward try trying two under until up upon us use used using ve very via wanna want wanted wants was
wasn way we well were weren what whatever when whenever where whether which while who whom whose why will with within
without won would wouldn wrong yeah yep yes yesterday yet you your yours yourself yourselves able actually already bit
called certain couple day days different does fine find found full happen happened happens hope idea instead likely long
main matter mean means minute minutes moment nice noticed number okay per please point problem question reason s d m t
shown sorry start started stop sound sounds time times understand unable wait welcome whole wonder wondering work works
working www http https com im id ill ive dont cant doesnt didnt isnt whats thats hows lets gotta etc ie eg sir madam mam
hai dear friend annoying annoyed awesome awful brilliant cheers cool disappointed disappointing excellent fantastic
frustrated frustrating glad happy lovely perfect ridiculous stupid terrible thx unfortunately useless wonderful am pm
"""
_GERMAN = """
aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei beim bereits bin bis bist bitte
brauche brauchst da dabei dafür damit dann daran darauf darüber das dass dein deine deinem deinen deiner dem den denn der
deren des dessen dich die dies diese diesem diesen dieser dieses dir doch dort du durch ein eine einem einen einer eines
einfach er es etwas euch euer eure für gar geht gemacht genau gerade gern gerne gib gibt gut gute guten hab habe haben
hallo hast hat hatte hatten heute hier hin ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in ins ist ja jede jedem
jeden jeder jedes jetzt kann kannst kein keine keinen keiner klar können könnte könntest lass leider mach machen macht
mal man mehr mein meine meinem meinen meiner mich mir mit möchte morgen moin muss musst müssen nach nein nicht nichts
noch nun nur ob oder ohne okay schon sehr sein seine seinem seinen seiner seit sich sie siehe sind so soll sollen sollte
sondern sonst super tut über um und uns unser unsere unter viel viele vielen vom von vor wäre wann war waren warum was
weil weiß welche welchem welchen welcher welches wenn wer werde werden wie wieder will willst wir wird wirklich wo wollen
wollte wurde wurden würde zu zum zur zwar zwei danke dank dankeschön hilfe leider los nervig prima schade stimmt super toll uhr
"""
STOPWORDS = frozenset(_ENGLISH.split()) | frozenset(_GERMAN.split())


READ = 2_000
"""Characters of a text that are read."""


def read(text: str) -> list[str]:
    """The words of a text's beginning."""
    return words(text[:READ])


def content(said: Iterable[str]) -> list[str]:
    """Those of a text's words that can carry a topic."""
    return [word for word in said if word not in STOPWORDS and len(word) > 1 and not word.isdigit()]
