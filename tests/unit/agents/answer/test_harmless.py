"""What an honest writer says passes: sentences as a model writes them, of a fall and of a rise."""

import pytest

from agents.answer.verdict import check
from agents.decide.candidate import Candidate
from agents.decide.facts import slots_of

from .moments import FALL, RISE

OF_THE_FALL = """\
BTC fell {return_1m_usdt} in a minute to {close_1m_usdt}.
BTC/USDT fell by {return_1m_usdt} within one minute, on {volume_ratio_1m_usdt} the usual volume.
The price dropped {return_1m_usdt}, and {return_5m_usdt} over five minutes.
Bitcoin slid {return_5m_usdt} over 5m and stands at {close_1m_usdt}.
A drop of {return_1m_usdt} took the price to {close_1m_usdt}.
The price is down {return_1h_usdt} over the hour.
The price moved lower by {return_1m_usdt}; volume rose to {volume_1m_usdt} against a usual {volume_1m_usdt.usual}.
Volume was {volume_1m_usdt}, or {volume_ratio_1m_usdt} what is usual.
Takers bought {taker_buy_ratio_1m_usdt} of the volume, so neither side pressed.
The decline came on heavy volume, which makes it harder to dismiss.
All three windows point lower, and nothing contradicts them.
Volume is well above its recent median, though not extreme.
Posts are close to usual at {posts_5m}, so the fall is not driven by chatter.
The move is large against the asset's own past.
Development is steady at {events_1h} events, with {commits_1h} commits.
There were {posts_5m} posts in five minutes, {posts_ratio_5m} the usual count.
The tone of posts is neutral ({tone_5m}).
The market traded between a high and a low {range_1m_usdt} apart.
Selling pressure is visible in the price but not in the share of takers.
The sell-off was quick and orderly.
Buyers did not step in during the minute.
Two venues would be needed to confirm the move; only one is seen here.
On the one hand volume confirms it, on the other hand posts do not.
The first half of the hour was calm.
The price did not rise in any window.
Without further volume the price may rise or fall from here; the facts do not say.
History is long enough: twenty windows stand behind the comparison.
A five-minute view shows the same: {return_5m_usdt}.
Over the last 24 hours turnover is {level_5m}.
The reported volume of {flow_5m} is in line with the trades.
BTC/USDT: {return_1m_usdt} in 1m, {return_5m_usdt} in 5m, {return_1h_usdt} in 1h.
The range of {range_1m_usdt} exceeds the hour's move of {return_1h_usdt}.
It is unclear whether the fall goes on.
Nothing is missing in the data, and no venue is silent.
The fall is broad: the price fell {return_1m_usdt} in 1m and {return_5m_usdt} in 5m.
The price is holding below its earlier level, which the facts show only for this hour.
The hour opened calmly and ended with a sharp drop.
The fall from {close_1h_usdt} is part of a longer slide.
Volume of {volume_1m_usdt} BTC changed hands, at prices down to {close_1m_usdt}.
The price closed at {close_1m_usdt}, {return_1m_usdt} lower.
A na\u00efve reading would blame the posts; they do not support that.
The move\u2019s size \u2014 {return_1m_usdt} \u2014 is what stands out.
Liquidity looked thin\u2026 yet trades went through.
"Quiet" is not the word for it; "orderly" is.
The US session had not begun, and no ETF news is in the data.
Confidence is capped, i.e. it rests on market data alone, e.g. price and volume.
The price fell {return_1m_usdt}% to {close_1m_usdt} USDT.
In {volume_ratio_1m_usdt} times the usual volume there is some evidence of urgency.
Whether it will continue is unclear, as expected of one minute.
There were {posts_5m} posts in five minutes, against {commits_1h} commits over the hour.
The price bounced off its low, and has yet to recover.
It is down to one venue, and the API of that one is not the cause.
A third, quieter venue is missing.
Short history limits what can be said.
"""
OF_THE_RISE = """\
BTC rose {return_1m_usdt} to {close_1m_usdt} on thin volume.
The price gained {return_1m_usdt} while volume fell to {volume_ratio_1m_usdt} of what is usual.
BTC is up {return_5m_usdt} over five minutes.
The price climbed by about {return_1m_usdt}, but volume at {volume_1m_usdt} does not support it.
Posts surged to {posts_5m}, {posts_ratio_5m} the usual number, with a glad tone of {tone_5m}.
Posts jumped while volume did not follow, a pattern seen in promotion.
Development activity dropped to {events_1h} events in an hour against a usual {events_1h.usual}.
The rise has the crowd behind it but not the volume.
The price moved up to {close_1m_usdt}.
The price is higher by {return_1h_usdt} over the hour.
An increase of {return_1m_usdt} in a minute on so little volume is easily undone.
Several kinds of facts disagree: price and posts up, volume down.
Nobody sold into the move, as far as takers show.
Social attention alone says nothing of direction.
A bullish mood, and no trades to show for it.
The gain of {return_1m_usdt} in the last minute outpaces the hour's {return_1h_usdt}.
Volume declined relative to its own median of {volume_1m_usdt.usual}.
Commits fell along with all other development.
"""

SENTENCES = [
    *((FALL, sentence) for sentence in OF_THE_FALL.splitlines()),
    *((RISE, sentence) for sentence in OF_THE_RISE.splitlines()),
]


def test_the_corpus_is_large_enough_to_say_something() -> None:
    """At least sixty sentences, all different."""
    assert len({sentence for _, sentence in SENTENCES}) == len(SENTENCES) >= 60


@pytest.mark.parametrize(("made", "sentence"), SENTENCES, ids=[s[:40] for _, s in SENTENCES])
def test_an_honest_sentence_passes(made: Candidate, sentence: str) -> None:
    """None is refused: a false alarm costs a paid answer."""
    assert check(sentence, slots_of(made.facts), made.asset) is None


def test_together_they_pass_as_they_do_alone() -> None:
    """No sentence changes what is claimed in the next."""
    for made, text in ((FALL, OF_THE_FALL), (RISE, OF_THE_RISE)):
        assert check(text.replace("\n", " "), slots_of(made.facts), made.asset) is None
