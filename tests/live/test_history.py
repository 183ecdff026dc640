#!/usr/bin/env python3
"""The checker checked: a good history passes, and each bad one is rejected for its own reason."""

import copy

from lib.cases import check, equal, main
from lib.history import Op, check_black_box, check_white_box
from lib.sale import rfc3339

ZONE, EVENT = "zone-a", "event-a"
START_MS = 1_800_000_000_000
TTL_MS = 600_000
SEATS = 4


class Story:
    """A history and its log, written by hand. Times are milliseconds from the start."""

    def __init__(self, seats=SEATS, limit=4):
        self.ops = []
        self.records = []
        self.seats = seats
        self._log(0, "event", event_id=EVENT, max_per_user=limit)
        self._log(0, "zone", zone_id=ZONE, event_id=EVENT, total_seats=seats)
        self.taken = 0

    def _log(self, at_ms, kind, **fields):
        self.records.append({"shard": 0, "sequence": len(self.records) + 1, "kind": kind,
                             "stamp_ms": START_MS + at_ms, **fields})
        return len(self.records)

    def op(self, kind, user, begin, end, status, position=None, key=None, code=None, details=None,
           data=None, **args):
        op = Op("c-" + user, user, kind, args, key, begin * 1_000_000, START_MS + begin)
        op.return_ns = None if end is None else end * 1_000_000
        op.status, op.code, op.details, op.data = status, code, details or {}, data
        op.position = None if position is None else (0, position)
        self.ops.append(op)
        return op

    def log_reserve(self, booking, user, at, quantity=1, key_hash=None, remaining=None):
        self.taken += quantity
        return self._log(at, "reserved", booking_id=booking, user_id=user, zone_id=ZONE,
                         quantity=quantity, ttl_ms=TTL_MS, key_hash=key_hash, actor_id=user,
                         remaining=self.seats - self.taken if remaining is None else remaining)

    def reserve(self, booking, user, begin, end, quantity=1, key=None):
        at = self.log_reserve(booking, user, (begin + end) // 2, quantity,
                              key_hash=hash(key) if key else None)
        return self.op("reserve", user, begin, end, 201, at, key, zone=ZONE, quantity=quantity,
                       data=self.reserved(booking, (begin + end) // 2, quantity))

    def reserved(self, booking, at, quantity=1, remaining=None):
        return {"booking_id": booking, "zone_id": ZONE, "quantity": quantity,
                "remaining_seats": self.seats - self.taken if remaining is None else remaining,
                "expires_at": rfc3339((START_MS + at + TTL_MS) / 1000)}

    def settle(self, kind, booking, user, begin, end, quantity=1):
        past = {"confirm": "confirmed", "cancel": "cancelled"}[kind]
        if kind == "cancel":
            self.taken -= quantity
        at = self._log((begin + end) // 2, past, booking_id=booking, user_id=user, zone_id=ZONE,
                       quantity=quantity, actor_id=user)
        return self.op(kind, user, begin, end, 200, at, booking=booking,
                       data={"booking_id": booking, "status": past})

    def get(self, booking, user, begin, end, status, position):
        return self.op("get", user, begin, end, 200, position, booking=booking,
                       data={"booking_id": booking, "status": status})

    def sold_out(self, user, begin, end, available, position, quantity=1):
        return self.op("reserve", user, begin, end, 409, position, code="INSUFFICIENT_STOCK",
                       details={"requested": quantity, "available": available},
                       zone=ZONE, quantity=quantity)

    def black(self, limit=4):
        return check_black_box(self.ops, {ZONE: self.seats}, limit)

    def white(self):
        return check_white_box(self.ops, self.records)


def good_story():
    story = Story()
    story.reserve("b1", "ann", 10, 20, quantity=2, key="k1")
    story.reserve("b2", "bob", 15, 25, quantity=2)
    story.sold_out("cat", 30, 40, available=0, position=4)
    story.settle("confirm", "b1", "ann", 50, 60, quantity=2)
    story.settle("cancel", "b2", "bob", 70, 80, quantity=2)
    story.reserve("b3", "cat", 90, 100)
    story.get("b1", "ann", 110, 115, "confirmed", 7)
    return story


def rejected(violations, word):
    check(violations, "the checker found nothing")
    check(any(word in text for text in violations), f"no violation says {word!r}: {violations}")


def test_good_history():
    """A correct history passes both modes."""
    story = good_story()
    equal(story.black(), [])
    equal(story.white(), [])


def test_01_oversold_black():
    """Five seats held at once out of four."""
    story = Story()
    for index in range(5):
        story.reserve(f"b{index}", f"u{index}", 10 + index, 20 + index)
    rejected(story.black(), "oversold")


def test_02_oversold_log():
    """The log itself takes more seats than there are."""
    story = Story()
    for index in range(5):
        story.reserve(f"b{index}", f"u{index}", 10 + index, 20 + index)
    rejected(story.white(), "oversold")


def test_03_lost_write():
    """An acknowledged reservation is not in the log."""
    story = good_story()
    story.op("reserve", "dan", 120, 130, 201, 7, zone=ZONE, quantity=1,
             data=story.reserved("b9", 125))
    rejected(story.white(), "acknowledged, but 0 times")


def test_04_lost_read():
    """A booking that was acknowledged answers 404 later."""
    story = good_story()
    story.op("get", "ann", 200, 210, 404, 7, booking="b1")
    rejected(story.black(), "is gone")


def test_05_phantom_record():
    """The log holds a reservation nobody asked for."""
    story = good_story()
    story.log_reserve("b9", "eve", 120)
    rejected(story.white(), "nobody asked")


def test_06_unknown_twice():
    """One request without an answer left two reservations."""
    story = good_story()
    story.op("reserve", "dan", 120, None, None, zone=ZONE, quantity=1, key="k9")
    story.op("reserve", "dan", 140, None, None, zone=ZONE, quantity=1, key="k9")
    story.log_reserve("b8", "dan", 125)
    story.log_reserve("b9", "dan", 145)
    rejected(story.white(), "nobody asked")


def test_07_key_two_effects():
    """A retried key got a second booking."""
    story = good_story()
    story.reserve("b9", "ann", 120, 130, quantity=2, key="k1")
    rejected(story.black(), "a key got two answers")


def test_08_key_hash_twice_in_log():
    """The log shows two effects of one key, even where clients saw one."""
    story = Story()
    story.op("reserve", "dan", 5, None, None, zone=ZONE, quantity=1, key="k9")
    story.op("reserve", "dan", 6, None, None, zone=ZONE, quantity=1, key="k8")
    story.log_reserve("b8", "dan", 10, key_hash=77)
    story.log_reserve("b9", "dan", 20, key_hash=77)
    rejected(story.white(), "second effect of a key")


def test_09_id_repeats():
    """Two callers were given the same booking id."""
    story = good_story()
    story.op("reserve", "dan", 120, 130, 201, 7, zone=ZONE, quantity=1, key="k5",
             data=story.reserved("b3", 95))
    rejected(story.black(), "booking id repeats")


def test_10_time_runs_backwards():
    """An answer rests on an earlier position than one already seen."""
    story = good_story()
    story.get("b1", "ann", 120, 130, "reserved", 4)
    rejected(story.white(), "time ran backwards")


def test_11_refused_with_seats_left():
    """Sold out is said while no order of events makes it true."""
    story = Story()
    story.reserve("b1", "ann", 10, 20)
    story.sold_out("bob", 30, 40, available=0, position=3)
    rejected(story.black(), "sold out too early")
    rejected(story.white(), "sold out with 3 left")


def test_12_confirmed_late():
    """A confirm took effect after the deadline."""
    story = Story()
    story.reserve("b1", "ann", 10, 20)
    story.settle("confirm", "b1", "ann", TTL_MS + 15, TTL_MS + 17)
    rejected(story.white(), "ms late")


def test_13_over_the_limit():
    """A user holds more than the event allows, seen by clients and in the log."""
    story = Story(seats=9, limit=4)
    for index in range(5):
        story.reserve(f"b{index}", "ann", 10 * index + 10, 10 * index + 15)
    rejected(story.black(), "limit 4")
    rejected(story.white(), "limit 4")


def test_14_two_ends():
    """A booking both expired and was confirmed."""
    story = Story()
    story.reserve("b1", "ann", 10, 20)
    story.settle("confirm", "b1", "ann", 30, 40)
    story._log(TTL_MS + 50, "expired", zone_id=ZONE,
               items=[{"booking_id": "b1", "user_id": "ann", "quantity": 1}])
    rejected(story.white(), "was confirmed")


def test_15_wrong_status_shown():
    """A read shows a state the booking does not have at the read's position."""
    story = good_story()
    story.get("b3", "cat", 120, 130, "confirmed", 7)
    rejected(story.white(), "log says reserved")
    rejected(story.black(), "confirmed by nobody")


def test_16_gap_in_the_log():
    """A sequence number is missing."""
    story = good_story()
    records = copy.deepcopy(story.records)
    del records[4]
    rejected(check_white_box(story.ops, records), "follows sequence")


def test_17_another_users_booking():
    """A user reads a booking that is not theirs."""
    story = good_story()
    story.get("b1", "eve", 120, 130, "confirmed", 7)
    rejected(story.white(), "another user's booking")


def test_18_expired_early():
    """A reservation ends before its deadline."""
    story = Story()
    story.reserve("b1", "ann", 10, 20)
    story._log(TTL_MS - 50, "expired", zone_id=ZONE,
               items=[{"booking_id": "b1", "user_id": "ann", "quantity": 1}])
    rejected(story.white(), "early")


if __name__ == "__main__":
    main(globals())
