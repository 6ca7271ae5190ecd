"""The checker itself: a sound history passes, and each invariant refuses a history that was doctored against it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from tests.chaos.history import (
    Claimed,
    Committed,
    Delivery,
    Ended,
    History,
    Lasting,
    Start,
    StoreReader,
    Unreached,
    commands,
    starts_of,
)
from tests.chaos.invariants import INVARIANTS, broken, violations
from tests.chaos.load import runs
from tests.chaos.receiver import Receiver

FIRST, SECOND, LATER = (f"start-{n:032x}" for n in (1, 2, 3))

# A task that was claimed twice: `a` was kept under the first claim, `b` was cut off and done under the second one.
# Another one was cancelled while it waited.
SOUND = History(
    accepted=("t", "c"),
    cancelled=("c",),
    claims=(Claimed("t", 1), Claimed("t", 2)),
    commits=(
        Committed("t", "a", 1, "PROGRESS", 11.0, (FIRST,)),
        Committed("t", "b", 2, "PROGRESS", 21.0, (LATER,)),
    ),
    ends=(Ended("c", "REVOKED", 0, None), Ended("t", "SUCCESS", 2, 2)),
    end_events=("c", "t"),
    starts=(
        Start(FIRST, "t", "a", 1, 100, "x", 10.0, 11.0),
        Start(SECOND, "t", "b", 1, 101, "x", 10.0),
        Start(LATER, "t", "b", 2, 102, "x", 20.0, 21.0),
    ),
    unreached=(Unreached(Start(SECOND, "t", "b", 1, 101, "x", 10.0), seconds=20.0, back_s=4.0),),
    hooked=("t",),
    deliveries=(Delivery("t", "msg_1"), Delivery("t", "msg_1")),
    lasting=(Lasting("im:counters", "somebody"),),
)


def test_a_sound_history_passes() -> None:
    assert broken(SOUND) == []


def ended_twice(history: History) -> History:
    return replace(history, ends=(*history.ends, Ended("t", "FAILURE", 2, 2)))


def told_twice(history: History) -> History:
    return replace(history, end_events=(*history.end_events, "t"))


def end_not_told(history: History) -> History:
    return replace(history, end_events=("t",))


def never_ended(history: History) -> History:
    return replace(history, accepted=(*history.accepted, "lost"))


def fence_stays(history: History) -> History:
    return replace(history, claims=(*history.claims, Claimed("t", 2)))


def fence_goes_back(history: History) -> History:
    return replace(history, claims=(Claimed("t", 2), Claimed("t", 1)))


def kept_by_the_first(history: History) -> History:
    return replace(history, commits=(history.commits[0], replace(history.commits[1], starts=(SECOND,))))


def kept_after_the_end(history: History) -> History:
    return replace(history, commits=(replace(history.commits[0], state="SUCCESS"), history.commits[1]))


def kept_while_it_waits(history: History) -> History:
    return replace(history, commits=(replace(history.commits[0], state="PENDING"), history.commits[1]))


def kept_without_claim(history: History) -> History:
    commit = replace(history.commits[0], fence=0, starts=())
    return replace(history, commits=(commit, history.commits[1]))


def ended_by_the_first(history: History) -> History:
    return replace(history, ends=(history.ends[0], Ended("t", "SUCCESS", 2, 1)))


def reckoned_under_a_later_claim(history: History) -> History:
    again = Start("start-" + "f" * 32, "t", "a", 2, 103, "x", 20.0)
    return replace(history, starts=(*history.starts, again))


def reckoned_under_the_same_claim(history: History) -> History:
    again = Start("start-" + "f" * 32, "t", "b", 2, 103, "x", 22.0)
    return replace(history, starts=(*history.starts, again))


def runs_on(history: History) -> History:
    return replace(history, alive=(history.starts[1],))


def runs_on_when_it_can_be_told(history: History) -> History:
    return replace(history, unreached=(Unreached(history.starts[1], seconds=30.0, back_s=11.0),))


def cancelled_and_ended_well(history: History) -> History:
    return replace(history, cancelled=("c", "t"))


def two_ids(history: History) -> History:
    return replace(history, deliveries=(Delivery("t", "msg_1"), Delivery("t", "msg_2")))


def not_told(history: History) -> History:
    return replace(history, deliveries=())


def one_id_for_two(history: History) -> History:
    return replace(history, deliveries=(*history.deliveries, Delivery("c", "msg_1")))


def key_stays(history: History) -> History:
    return replace(history, lasting=(Lasting("im:leases", "t"),))


DOCTORED = {
    "accepted ⊆ ended": [never_ended],
    "one terminal state per task": [ended_twice, told_twice, end_not_told],
    "fences only grow": [fence_stays, fence_goes_back],
    "no commit under a stale fence": [
        kept_by_the_first, kept_after_the_end, kept_while_it_waits, kept_without_claim, ended_by_the_first,
    ],
    "nothing kept is reckoned again": [reckoned_under_a_later_claim, reckoned_under_the_same_claim],
    "cancelled: nothing of it runs 5 s later": [runs_on, cancelled_and_ended_well],
    "cancelled where nobody could tell it: nothing of it runs 10 s after somebody can": [
        runs_on_when_it_can_be_told
    ],
    "one webhook id per end": [two_ids, not_told, one_id_for_two],
    "no key without expiry after the end": [key_stays],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "doctor"), [(name, doctor) for name, doctors in DOCTORED.items() for doctor in doctors]
)
def test_a_doctored_history_is_refused(name: str, doctor: Callable[[History], History]) -> None:
    found = violations(doctor(SOUND))
    assert [invariant for invariant, lines in found.items() if lines] == [name]


def test_no_invariant_goes_untried() -> None:
    assert list(DOCTORED) == list(INVARIANTS)


# -- the witnesses ----------------------------------------------------------------------------------------------------------


def resp(*words: str | bytes) -> bytes:
    raw = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(one), one) for one in raw)


def test_an_append_only_file_is_read_to_its_last_whole_command() -> None:
    data = resp("SET", "a", b"1\r\n2") + b"#TS:1\r\n" + resp("DEL", "a")
    assert list(commands(data)) == [[b"SET", b"a", b"1\r\n2"], [b"DEL", b"a"]]
    for cut in range(len(data) - 1, data.index(b"DEL") - 14, -1):
        assert list(commands(data[:cut])) == [[b"SET", b"a", b"1\r\n2"]]


def test_the_store_says_what_it_claimed_kept_and_ended() -> None:
    reader = StoreReader("im:")
    reader.read(
        resp("HSET", "im:task:t", "tenant", "acme", "state", "PENDING", "fence", "0")
        + resp("HSET", "other:task:t", "state", "SUCCESS")
        + resp("HSET", "im:task:t", "state", "STARTED", "fence", "1")
        + resp("HSET", "im:kept:t", "a", b"hash\n\x00{" + FIRST.encode() + b"}")
        + resp("XADD", "im:events:t", "MAXLEN", "=", "1", "1-1", "type", "agent", "at", "11000", "data", "{}")
        + resp("HSET", "im:task:t", "finished_by", "1")
        + resp("HSET", "im:task:t", "state", "SUCCESS")
        + resp("XADD", "im:events:t", "MAXLEN", "=", "2", "2-1", "type", "end", "at", "12000", "data", "{}")
    )
    assert reader.into(History()) == History(
        claims=(Claimed("t", 1),),
        commits=(Committed("t", "a", 1, "STARTED", 11.0, (FIRST,)),),
        ends=(Ended("t", "SUCCESS", 1, 1),),
        end_events=("t",),
    )


def test_the_agents_log_says_who_started_and_who_was_cut_off() -> None:
    start = {"event": "start", "id": FIRST, "task": "t", "step": "a", "fence": 1, "pid": 7, "inputs": "x", "at": 1.0}  # fmt: skip
    lines = [json.dumps(start), json.dumps({"event": "end", "id": FIRST, "at": 2.0}), json.dumps(start | {"id": SECOND}), '{"event": "sta']  # fmt: skip
    assert starts_of(lines) == (
        Start(FIRST, "t", "a", 1, 7, "x", 1.0, 2.0),
        Start(SECOND, "t", "a", 1, 7, "x", 1.0, None),
    )


def test_the_receiver_refuses_every_fourth_message_once() -> None:
    with Receiver() as receiver:
        answers = [
            httpx.post(
                receiver.url, json={"data": {"task_id": f"t{n}"}}, headers={"webhook-id": f"msg_{n}"}, trust_env=False
            ).status_code
            for n in (1, 2, 3, 4, 4)
        ]  # fmt: skip
    assert answers == [204, 204, 204, 503, 204]
    assert [one.task for one in receiver.told] == ["t1", "t2", "t3", "t4", "t4"]
    assert receiver.taken == {"t1", "t2", "t3", "t4"}


def test_an_agent_runs_until_it_has_told_its_end_or_its_process_is_gone() -> None:
    here = Start(FIRST, "t", "a", 1, os.getpid(), "x", time.time())
    gone = replace(here, id=SECOND, pid=2**22 + 1)
    assert runs(here, (here,))
    assert not runs(replace(here, ended=here.at + 1), (here,))
    assert not runs(here, (here, replace(here, id=LATER, at=here.at + 1))), (
        "its process does something else by now"
    )
    assert not runs(gone, (gone,))
    assert not runs(replace(here, at=here.at - 10**6), (here,)), "the process id has gone to another process"
