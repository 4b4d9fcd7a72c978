"""Words of English that say how something is said, rather than what.

Only English is known here; another language's words are all content, which its rarest ones weigh out.
"""

from __future__ import annotations


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


STOP_WORDS = _listed(
    """
    a about above after again against ain all am an and any are aren as at be because been before being
    below between both but by can could couldn d did didn do does doesn doing don down during each few
    for from further had hadn has hasn have haven having he her here hers herself him himself his how i
    if in into is isn it its itself just ll m ma me mightn more most mustn my myself needn no nor not
    now o of off on once only or other our ours ourselves out over own re s same shan she should shouldn
    so some such t than that the their theirs them themselves then there these they this those through
    to too under until up ve very was wasn we were weren what when where which while who whom whose why
    will with won would wouldn y you your yours yourself yourselves
    """
)
"""Left out of every message and question: the grammar alone. What people say to keep a conversation going
("hey", "awesome") stays: it is common, and weighs little."""

FRAME_WORDS = _listed(
    """
    come decide feel get got give go happen have like made make plan take think want
    certain describe different item kind many mention name say sort specific tell type use usually various
    """
)
"""Frame a question, more than they tell what it is about ("what kind of", "did she mention", "why did he
decide to take")."""

_FORMS = """
arise: arose arisen
bear: bore borne
beat: beaten
become: became
begin: began begun
bend: bent
bind: bound
bite: bit bitten
bleed: bled
blow: blew blown
break: broke broken
breed: bred
bring: brought
build: built
burn: burnt
buy: bought
catch: caught
child: children
choose: chose chosen
come: came
creep: crept
deal: dealt
dig: dug
draw: drew drawn
dream: dreamt
drink: drank drunk
drive: drove driven
eat: ate eaten
fall: fell fallen
feed: fed
feel: felt
fight: fought
find: found
flee: fled
fly: flew flown
forbid: forbade forbidden
forget: forgot forgotten
forgive: forgave forgiven
freeze: froze frozen
give: gave given
go: went gone goes going
grow: grew grown
hang: hung
hear: heard
hide: hid hidden
hold: held
keep: kept
kneel: knelt
know: knew known
lead: led
learn: learnt
leave: left
lend: lent
life: lives
light: lit
lose: lost
man: men
mean: meant
meet: met
pay: paid
ride: rode ridden
ring: rang rung
rise: rose risen
run: ran
say: said
see: saw seen
seek: sought
sell: sold
send: sent
shake: shook shaken
shine: shone
shoot: shot
show: shown
sing: sang sung
sink: sank sunk
sit: sat
sleep: slept
speak: spoke spoken
spend: spent
stand: stood
steal: stole stolen
stick: stuck
strike: struck
swear: swore sworn
sweep: swept
swim: swam swum
swing: swung
take: took taken
teach: taught
tear: tore torn
tell: told
think: thought
throw: threw thrown
understand: understood
wake: woke woken
wear: wore worn
weep: wept
wife: wives
win: won
woman: women
write: wrote written
"""

IRREGULAR = {
    form: base
    for base, _, forms in (line.partition(": ") for line in _FORMS.strip().splitlines())
    for form in forms.split()
}
"""Forms that no stemmer connects with their word."""

INTERROGATIVES = (
    *("how long", "how many|how much", "how often", "how old", "how", "why", "where"),
    *("whose|who", "when", "which", "what"),
)
"""Kinds of questions by the words that begin them; of two that begin alike the longer one first."""

FIRST_PERSON = _listed("i me my mine myself we us our ours ourselves")
SECOND_PERSON = _listed("you your yours yourself claude")
