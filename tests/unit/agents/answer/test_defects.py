"""Planted defects: a sound text with one thing wrong in it is refused, with that thing's reason."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answer.verdict import REASONS, Rejected, check, judge
from agents.decide.candidate import Candidate
from agents.decide.facts import slots_of
from agents.decide.printing import printed
from tests.unit.agents.candidates import candidate_of
from topics import Fact

from .moments import FALL, RISE, larger, minutes, moment

SOUND = "The price fell {return_1m_usdt} to {close_1m_usdt} on {volume_ratio_1m_usdt} usual volume."


def reason_of(text: str, made: Candidate = FALL) -> str:
    """Return why a text is refused, or `accepted`."""
    found = check(text, slots_of(made.facts), made.asset)
    return "accepted" if found is None else found.reason


def test_the_sound_text_is_accepted() -> None:
    """What the defects are planted in."""
    assert reason_of(SOUND) == "accepted"


@pytest.mark.parametrize(
    "text",
    [
        SOUND.replace("fell", "rose"),
        SOUND.replace("fell", "gained"),
        "The price is up {return_1m_usdt}.",
        "The price is {return_1m_usdt} higher.",
        "A rise of {return_1m_usdt}.",
        "It fell {return_1m_usdt} while volume dropped to {volume_ratio_1m_usdt} of usual.",
        "Volume is lower at {volume_1m_usdt}.",
        "The price rose to {close_1m_usdt}.",
        "The price rose.",
        "Prices surge in all windows.",
        "It lost {range_1m_usdt}.",
        "Development surged.",
        "Posts fell to {posts_5m}.",
        "Commits rose to {commits_1h}.",
        "It rose from {close_1h_usdt} to {close_1m_usdt}.",
        "It didn't hold, and rose {return_1m_usdt}.",
        "BTC rose on heavy volume.",
        "It gained.",
        "BTC up.",
        "BTC skyrocketed.",
        "No doubt it rose {return_1m_usdt}.",
        "It should be said that the price rose.",
        "Volume collapsed.",
    ],
)
def test_a_wrong_sign_is_seen(text: str) -> None:
    """By the verb beside the slot, by the noun, by what the clause is about; also where no fact has a direction."""
    assert reason_of(text) == "wrong_sign"


def test_a_list_keeps_its_verb() -> None:
    """ "Fell {a} and {b}" claims a fall twice."""
    made = moment(*minutes(96.0, 30.0), *larger(101.0, 99.0))
    assert reason_of("It fell {return_1m_usdt} and {return_1h_usdt}.", made) == "accepted"
    assert reason_of("It fell {return_1m_usdt} and {return_5m_usdt}.", made) == "wrong_sign"
    assert reason_of("It fell {return_1m_usdt}; over 5m {return_5m_usdt}.", made) == "accepted"


def test_where_a_move_came_from_is_not_where_it_went() -> None:
    """ "Fell from {a} to {b}" claims the fall of b, whatever a did in its own window."""
    made = moment(*minutes(96.0, 30.0), *larger(97.0, 101.0))
    assert reason_of("It fell from {close_1h_usdt} to {close_1m_usdt}.", made) == "accepted"
    assert reason_of("It fell to {close_1h_usdt}.", made) == "wrong_sign"


def test_a_move_that_prints_as_nothing_went_nowhere() -> None:
    """Half a hundredth of a percent is +0.00%: neither a rise nor a fall."""
    made = moment(*minutes(100.004, 30.0))
    assert reason_of("The price rose {return_1m_usdt}.", made) == "wrong_sign"
    assert reason_of("The price fell {return_1m_usdt}.", made) == "wrong_sign"
    assert reason_of("The price held at {close_1m_usdt}.", made) == "accepted"


@pytest.mark.parametrize(
    "text",
    [
        "It is at {close_1m_usdt} dollars.",
        "It is at {close_1m_usdt} USD.",
        "It is at {close_1m_usdt} BTC.",
        "It is at ${close_1m_usdt}.",
        "It is at €{close_1m_usdt}.",
        "It fell {return_1m_usdt} bps.",
        "It fell {return_1m_usdt} USDT.",
        "It fell {return_1m_usdt}x.",
        "Volume was {volume_1m_usdt}k.",
        "Volume was {volume_1m_usdt} million.",
        "Volume was {volume_1m_usdt}M.",
        "Volume was {volume_ratio_1m_usdt}% of usual.",
        "Volume was {volume_ratio_1m_usdt} percent of usual.",
        "There were {posts_5m} commits.",
        "There were {volume_1m_usdt} posts.",
        "There were {posts_5m}%.",
        "It fell {return_1m_usdt}{return_5m_usdt}4.",
    ],
)
def test_a_wrong_unit_is_seen(text: str) -> None:
    """A unit, scale, currency or noun beside a slot is the slot's own, or none."""
    assert reason_of(text) in ("wrong_unit", "ungrounded_number")
    if not text.endswith("4."):
        assert reason_of(text) == "wrong_unit"


def test_a_unit_that_is_the_slots_own_is_written_once() -> None:
    """Many a writer adds it."""
    text = "It fell {return_1m_usdt} percent to {close_1m_usdt} USDT on {volume_ratio_1m_usdt} times usual."
    body = {"headline": "x", "text": text, "confidence": "low", "outlook": "unclear"}
    verdict = judge(msgspec.json.encode(body | {"outlook_strength": "none"}).decode(), FALL)
    assert not isinstance(verdict, Rejected)
    assert verdict.text == "It fell 4.00% to 96 USDT on 3.0x usual."


@pytest.mark.parametrize(
    "text",
    [
        "It is {posts_5m}{posts_5m}.",
        "It is {posts_5m}.{commits_1h}.",
        "It is {posts_5m},{commits_1h}.",
        "It is {posts_5m} {commits_1h}.",
        "The price is -{return_1m_usdt}.",
        "The price changed +{return_1m_usdt}.",
        "It moved \u2013{return_1m_usdt}.",
    ],
)
def test_slots_that_make_another_number_together_are_seen(text: str) -> None:
    """12 and 38 must not be read as 12.38, nor a sign as the fact's."""
    assert reason_of(text) == "ungrounded_number"


@pytest.mark.parametrize(
    "text",
    [
        "It fell {return_1m_usdt} in an hour.",
        "It fell {return_1h_usdt} over the last minute.",
        "There were {posts_5m} posts over the hour.",
        "Volume was {volume_1m_usdt} over 5m.",
    ],
)
def test_a_window_that_is_not_the_slots_is_seen(text: str) -> None:
    """Right behind the slot; of what is usual, and of a day's turnover, anything may be said."""
    assert reason_of(text) == "wrong_window"
    assert reason_of("It fell {return_1m_usdt} in a minute, {return_1h_usdt} in 1h.") == "accepted"
    assert reason_of("Turnover is {level_5m} in the hour.") == "accepted"
    assert reason_of("It fell {return_1m_usdt} in the hour's last minute.") == "accepted"


@pytest.mark.parametrize(
    "number",
    [
        "1.32%",
        "4.00%",
        "4%",
        "96",
        "a low of 90",
        "twice",
        "half",
        "a third of",
        "two thirds of",
        "doubled",
        "triple",
        "four percent",
        "a few percent",
        "ten basis points",
        "threefold",
        "three times",
        "twelve posts",
        "thirty trades",
        "thousands",
        "ninety-six",
        "a hundred",
        "1e3",
        "5k",
        "\u0664",
        "\u00bd",
        "thirty minutes",
        "7m",
        "15 minutes",
        "eleven windows",
        "an order of magnitude",
        "ten",
        "eleven and more",
        "a fifth",
        "a third in a minute",
        "the low nineties",
        "double-digit",
        "six-figure",
        "two-to-one",
        "ten to one",
        "ten bips",
        "a mln",
        "quintupled",
    ],
)
def test_a_number_outside_the_slots_is_seen(number: str) -> None:
    """In digits or in words, right or wrong: 1.32 % for 1.23 %, an invented level, a span there is no window of."""
    assert reason_of(f"The market moved by {number} today.") == "ungrounded_number"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ETH fell too.", "other_asset"),
        ("It follows ETH/USDT.", "other_asset"),
        ("Ethereum leads.", "other_asset"),
        ("Like solana, it fell.", "other_asset"),
        ("$SOL is next.", "other_asset"),
        ("$sol is next.", "other_asset"),
        ("PUMPCOIN leads.", "other_asset"),
        ("D\u00f6ge and doge fell.", "other_asset"),
        ("XRP's fall is worse.", "other_asset"),
        ("The target is near.", "advice"),
        ("It may be time to buy.", "advice"),
        ("B\u00fay now.", "advice"),
        ("Holders should exit.", "advice"),
        ("Hold on to it.", "advice"),
        ("Go long here.", "advice"),
        ("A guaranteed recovery.", "advice"),
        ("Join our group.", "advice"),
        ("It will rise.", "advice"),
        ("The price is going to recover.", "advice"),
        ("The fall will continue.", "advice"),
        ("A rebound is imminent.", "advice"),
        ("Expect a bounce.", "advice"),
        ("Hold.", "advice"),
        ("Exit here.", "advice"),
        ("Now is a good entry.", "advice"),
        ("Time to purchase.", "advice"),
        ("Get out while possible.", "advice"),
        ("Stay away.", "advice"),
        ("Short it.", "advice"),
        ("Lock in gains.", "advice"),
        ("Use leverage.", "advice"),
        ("A bargain.", "advice"),
        ("b u y now.", "odd_character"),
        ("B.U.Y now.", "odd_character"),
        ("E-T-H fell.", "odd_character"),
        ("ETHs fell.", "other_asset"),
        ("stETH fell.", "other_asset"),
        ("Litecoins fell.", "other_asset"),
        ("Bitcoin Cash fell.", "other_asset"),
        ("See evil(dot)com.", "link"),
        ("See evil dotcom.", "link"),
        ("See evil . com.", "link"),
        ("See evil,com.", "link"),
        ("Find us on Telegram.", "link"),
        ("See evil.com for more.", "link"),
        ("See evil dot com.", "link"),
        ("Send it to @pump.", "link"),
        ("Send it to bcqar" + "q" * 30 + ".", "link"),
        ("The price f\u0435ll.", "odd_character"),
        ("BT\u0421 fell.", "odd_character"),
        ("It fe\u200bll.", "odd_character"),
        ("It fell\u2060.", "odd_character"),
        ("It \u202efell\u202c.", "odd_character"),
        ("It fell\u200f.", "odd_character"),
        ("It fell \ufeff.", "odd_character"),
        ("It \U000e0066ell.", "odd_character"),
        ("\U0001d41bought.", "odd_character"),
        ("It f\u0131ll.", "odd_character"),
        ("It fell {return_1m_usd}.", "unknown_slot"),
        ("It fell {return_1m_usdt.usual}.", "unknown_slot"),
        ("It fell {return_1m_usdt.z}.", "unknown_slot"),
        ("It fell {return_1m_usdt.n}.", "unknown_slot"),
        ("It fell {return_1m_usdt.x}.", "broken_slot"),
    ],
)
def test_what_else_is_planted_is_seen(text: str, reason: str) -> None:
    """Another asset, advice, a way out, a letter that only looks like one, a slot there is not."""
    assert reason in REASONS
    assert reason_of(text) == reason


FALLS = ("fell", "dropped", "slid", "declined", "lost", "is down", "moved lower by")
RISES = ("rose", "gained", "climbed", "advanced", "jumped", "is up", "moved higher by")


@given(
    st.floats(-40, 40).filter(lambda move: abs(move) >= 0.01),
    st.sampled_from(FALLS + RISES),
    st.sampled_from(["", "by ", "about "]),
)
def test_a_verb_is_accepted_where_the_sign_agrees(move: float, verb: str, filler: str) -> None:
    """Whatever the move; and the same text is refused once the sign is flipped."""
    filler = "" if verb.endswith("by") or verb.startswith("is") else filler
    text = f"The price {verb} {filler}{{return_1m_usdt}}."
    agrees = (move < 0) == (verb in FALLS)
    made, flipped = (candidate_of(minutes(100 + m, 30.0)) for m in (move, -move))
    assert reason_of(text, made) == ("accepted" if agrees else "wrong_sign")
    assert reason_of(text, flipped) == ("wrong_sign" if agrees else "accepted")


@given(
    st.from_regex(r"[A-Z]{3,6}", fullmatch=True).filter(lambda name: name not in ("USDT", "BTC")),
    st.sampled_from(["{} fell {{return_1m_usdt}}.", "The price of {} fell.", "{}/USDT fell."]),
)
def test_another_name_of_the_asset_changes_nothing(name: str, text: str) -> None:
    """Renamed throughout, text and facts, it is accepted; with the old name left in the text it is not."""
    renamed = candidate_of(minutes(96.0, 30.0, subject=f"{name}/USDT"))
    assert reason_of(text.format(name), renamed) == "accepted"
    assert reason_of(text.format("BTC"), renamed) == "other_asset"


def number_near(fact: Fact) -> st.SearchStrategy[str]:
    """Return numbers that are nearly a fact's, and the fact's own."""
    own = printed(fact)
    return st.sampled_from([own, own.lstrip("+-"), own.split("%")[0], f"{fact.value * 1.07:.2f}%"])


@given(st.sampled_from(FALL.facts).flatmap(number_near))
def test_no_literal_number_gets_through(number: str) -> None:
    """Nearly right or right: what code has not written could not be written anew."""
    assert reason_of(f"It came to {number}.") == "ungrounded_number"


def test_the_same_words_are_judged_by_the_facts_of_the_moment() -> None:
    """Words of a falling minute do not survive into a rising one."""
    assert reason_of(SOUND, FALL) == "accepted"
    assert reason_of(SOUND, RISE) == "wrong_sign"
