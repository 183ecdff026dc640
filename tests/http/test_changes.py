#!/usr/bin/python3
"""Changes of one booking over HTTP on the real engine: extend, release, confirm a part,
exchange, transfer, refund; their refusals, their fields, their repeats."""

import datetime
import sys
import time
import uuid

from api import BASE, main
from seating import best, counts, general_zone, path_of, seated_zone, take

CHANGES = {"extend": {}, "release": {"quantity": 1}, "exchange": {"best_available": True},
           "transfer": {"user_id": str(uuid.uuid4())}, "confirm": {"quantity": 1}}


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def change(engine, token, booking, what, body=None, key=None):
    return engine.post(f"{path_of(booking)}/{what}", token, body, key=key)


def lapsed(engine, token, booking):
    """Waits until a reservation is past its deadline."""
    time.sleep(max(0.0, seconds(booking["expires_at"]) - time.time()) + 0.1)
    return booking


def test_extend(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = engine.make_zone(organizer)
    booking = engine.reserve(token, zone).data
    made, deadline = seconds(booking["created_at"]), seconds(booking["expires_at"])
    answer = change(engine, token, booking, "extend", {"seconds": 6})
    check("later by what was asked", answer.status == 200 and answer.data["status"] == "reserved" and
          0 <= seconds(answer.data["expires_at"]) - deadline < 2, answer)
    again = change(engine, token, booking, "extend", {"seconds": 1})
    check("never sooner", again.data["expires_at"] == answer.data["expires_at"], again)
    answer = change(engine, token, booking, "extend", {"seconds": 86400})
    check("no later than the ceiling", seconds(answer.data["expires_at"]) - made == 12, answer)
    answer = change(engine, token, booking, "extend")
    check("at the ceiling", answer.status == 409 and answer.code == "HOLD_LIMIT_REACHED" and
          seconds(answer.details["latest_expires_at"]) - made == 12, answer)
    change(engine, token, booking, "confirm")
    answer = change(engine, token, booking, "extend")
    check("confirmed", answer.is_refusal(409, "INVALID_STATE", status="confirmed"), answer)


def test_release(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    booking = take(engine, token, zone, "A-1", "A-2", "A-3", "A-4").data
    answer = change(engine, token, booking, "release", {"seats": ["A-2", "A-1"]})
    check("by seats", answer.status == 200 and answer.data["seats"] == ["A-3", "A-4"] and
          answer.data["status"] == "reserved", answer)
    check("the deadline stays", answer.data["expires_at"] == booking["expires_at"], answer)
    check("they are free", counts(engine, zone) == (38, 2, 0) and
          take(engine, other, zone, "A-1", "A-2").status == 201)
    answer = change(engine, token, booking, "release", {"seats": ["A-2", "A-3"]})
    check("not of the booking", answer.is_refusal(409, "SEAT_NOT_IN_BOOKING", seats=["A-2"]), answer)
    answer = change(engine, token, booking, "release", {"quantity": 1})
    check("by quantity the highest", answer.data["seats"] == ["A-3"] and answer.data["quantity"] == 1, answer)
    answer = change(engine, token, booking, "release", {"quantity": 2})
    check("more than there are", answer.is_refusal(400, "VALIDATION_ERROR", limit=1) and
          answer.fields == ["quantity"], answer)
    answer = change(engine, token, booking, "release", {"quantity": 1})
    check("everything is a cancel", answer.status == 200 and answer.data["status"] == "cancelled", answer)
    answer = change(engine, token, booking, "release", {"quantity": 1})
    check("and then no more", answer.is_refusal(409, "INVALID_STATE", status="cancelled"), answer)


def test_release_of_a_general_zone(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    event, _, zone = engine.make_zone(organizer)
    booking = engine.reserve(token, zone, 4).data
    answer = change(engine, token, booking, "release", {"quantity": 3})
    check("three of four", answer.status == 200 and answer.data["quantity"] == 1 and
          answer.data["total_amount"] == 1500, answer)
    check("they are free", counts(engine, zone) == (99, 1, 0))
    summary = engine.get(f"{BASE}/bookings/summary?event_id={event['id']}", token).data
    check("the limit knows", (summary["reserved"], summary["remaining"]) == (1, 3), summary)
    check("and lets take them again", engine.reserve(token, zone, 3).status == 201)
    answer = change(engine, token, booking, "release", {"seats": ["A-1"]})
    check("it has no seats", answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == ["seats"], answer)


def test_confirm_a_part(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    booking = take(engine, token, zone, "B-1", "B-2", "B-3").data
    answer = change(engine, token, booking, "confirm", {"seats": ["B-3", "B-9"]})
    check("not of the booking", answer.is_refusal(409, "SEAT_NOT_IN_BOOKING", seats=["B-9"]), answer)
    answer = change(engine, token, booking, "confirm", {"seats": ["B-3", "B-2"], "payment_id": str(uuid.uuid4())})
    check("by seats", answer.status == 200 and answer.data["status"] == "confirmed" and
          answer.data["seats"] == ["B-2", "B-3"], answer)
    check("the rest is free", counts(engine, zone) == (38, 0, 2), counts(engine, zone))
    booking = take(engine, token, zone, "C-1", "C-2", "C-3").data
    answer = change(engine, token, booking, "confirm", {"quantity": 4})
    check("more than there are", answer.is_refusal(400, "VALIDATION_ERROR", limit=3), answer)
    answer = change(engine, token, booking, "confirm", {"quantity": 2})
    check("by quantity the lowest", answer.data["seats"] == ["C-1", "C-2"] and
          answer.data["total_amount"] == 3000, answer)
    check("the rest is free again", counts(engine, zone) == (36, 0, 4), counts(engine, zone))


def test_exchange_of_seats(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    take(engine, other, zone, "D-1", "D-2")
    booking = take(engine, token, zone, "A-1", "A-2").data
    answer = change(engine, token, booking, "exchange", {"seats": ["D-2", "D-3"]})
    check("taken ones", answer.is_refusal(409, "SEAT_UNAVAILABLE", seats=[{"seat": "D-2", "state": "reserved"}]), answer)
    check("and it keeps its own", engine.get(path_of(booking), token).data["seats"] == ["A-1", "A-2"])
    answer = change(engine, token, booking, "exchange", {"seats": ["D-3"]})
    check("not as many", answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == ["seats"], answer)
    answer = change(engine, token, booking, "exchange", {"seats": ["A-2", "A-3", ]})
    check("its own count as free, and orphans do not", answer.is_refusal(409, "ORPHAN_SEAT", seat="A-1"), answer)
    answer = change(engine, token, booking, "exchange", {"seats": ["D-4", "D-3"]})
    check("named", answer.status == 200 and answer.data["seats"] == ["D-3", "D-4"], answer)
    check("the same booking, deadline and price", all(answer.data[n] == booking[n] for n in (
        "booking_id", "expires_at", "total_amount", "status")), answer)
    check("the old ones are free", take(engine, other, zone, "A-1", "A-2").status == 201)
    change(engine, token, booking, "confirm")
    answer = change(engine, token, booking, "exchange", {"best_available": True})
    check("the best, of a confirmed one", answer.status == 200 and len(answer.data["seats"]) == 2 and
          answer.data["status"] == "confirmed", answer)
    check("as many as before", counts(engine, zone) == (34, 4, 2), counts(engine, zone))
    _, _, floor = engine.make_zone(organizer)
    plain = engine.reserve(token, floor).data
    answer = change(engine, token, plain, "exchange", {"best_available": True})
    check("not in a general zone", answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == ["seats"], answer)


def test_transfer(engine, check):
    organizer = engine.token("organizer")
    giver, receiver = str(uuid.uuid4()), str(uuid.uuid4())
    token, theirs = engine.token(user=giver), engine.token(user=receiver)
    event, _, zone = engine.make_zone(organizer)
    booking = engine.reserve(token, zone, 3).data
    answer = change(engine, token, booking, "transfer", {"user_id": giver})
    check("not to oneself", answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == ["user_id"], answer)
    engine.reserve(theirs, zone, 2)
    answer = change(engine, token, booking, "transfer", {"user_id": receiver})
    check("the receiver's limit, without what they hold", answer.status == 409 and
          answer.code == "MAX_PER_USER_EXCEEDED" and not answer.details.get("held"), answer)
    someone = str(uuid.uuid4())
    answer = change(engine, token, booking, "transfer", {"user_id": someone}, key="give")
    check("given", answer.status == 200 and answer.data["user_id"] == someone, answer)
    again = change(engine, token, booking, "transfer", {"user_id": someone}, key="give")
    check("a repeat is answered though it is gone", again.status == 200 and again.body == answer.body, again)
    check("no longer mine", engine.get(path_of(booking), token).status == 404)
    check("but theirs", engine.get(path_of(booking), engine.token(user=someone)).data["quantity"] == 3)
    check("and my limit is free", engine.reserve(token, zone, 4).status == 201)
    summary = engine.get(f"{BASE}/bookings/summary?event_id={event['id']}", engine.token(user=someone)).data
    check("theirs is used", summary["remaining"] == 1, summary)


def test_a_repeat_outlives_a_transfer(engine, check):
    """Its labels are looked up in a booking that is another's by then."""
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    booking = take(engine, token, zone, "A-1", "A-2", "A-3").data
    first = change(engine, token, booking, "release", {"seats": ["A-3"]}, key="part")
    change(engine, token, booking, "transfer", {"user_id": str(uuid.uuid4())})
    again = change(engine, token, booking, "release", {"seats": ["A-3"]}, key="part")
    check("the first answer", again.status == 200 and again.body == first.body, again)
    answer = change(engine, token, booking, "release", {"seats": ["A-1"]})
    check("nothing new", answer.is_refusal(404, "NOT_FOUND"), answer)
    answer = change(engine, token, booking, "release", {"seats": ["X-1"]})
    check("not even whether a label exists", answer.is_refusal(404, "NOT_FOUND"), answer)


def test_refund(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    event, _, zone = engine.make_zone(organizer)
    booking = engine.reserve(token, zone, 2).data
    answer = change(engine, organizer, booking, "refund")
    check("a reservation", answer.is_refusal(409, "INVALID_STATE", status="reserved"), answer)
    change(engine, token, booking, "confirm")
    check("not by the owner", change(engine, token, booking, "refund").status == 403)
    check("nor by another organizer", change(engine, engine.token("organizer"), booking, "refund").status == 404)
    answer = change(engine, organizer, booking, "refund", key="refund")
    check("by the organizer", answer.status == 200 and answer.data["status"] == "refunded", answer)
    check("the owner's still", answer.data["user_id"] == booking["user_id"], answer)
    again = change(engine, organizer, booking, "refund", key="refund")
    check("a repeat", again.body == answer.body and again.headers.get("Idempotent-Replayed") == "true", again)
    check("again without a key", change(engine, organizer, booking, "refund").status == 200)
    check("the places are free", counts(engine, zone) == (100, 0, 0))
    summary = engine.get(f"{BASE}/bookings/summary?event_id={event['id']}", token).data
    check("and the limit", summary["remaining"] == 4, summary)


def test_states(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    expired = lapsed(engine, token, take(engine, token, zone, "A-1", "A-2").data)
    cancelled = take(engine, token, zone, "B-1", "B-2").data
    engine.post(path_of(cancelled) + "/cancel", token)
    for what, body in CHANGES.items():
        answer = change(engine, token, expired, what, body)
        check(f"{what} of an expired one", answer.is_refusal(
            410, "RESERVATION_EXPIRED", expired_at=expired["expires_at"]), answer)
        answer = change(engine, token, cancelled, what, body)
        check(f"{what} of a cancelled one", answer.is_refusal(409, "INVALID_STATE", status="cancelled"), answer)


def test_strangers(engine, check):
    organizer, token, stranger = engine.token("organizer"), engine.token(), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    mine = take(engine, token, zone, "A-1", "A-2").data
    nothing = {"booking_id": str(uuid.uuid4())}
    for what, body in {**CHANGES, "release of seats": {"seats": ["A-1"]}, "confirm of seats": {"seats": ["A-1"]},
                       "exchange of seats": {"seats": ["B-1", "B-2"]}, "release of no seat": {"seats": ["Z-1"]}}.items():
        name = what.split()[0]
        theirs, none = change(engine, stranger, mine, name, body), change(engine, stranger, nothing, name, body)
        check(f"{what} of another's is as of none", theirs.is_refusal(404, "NOT_FOUND") and none.status == 404 and
              theirs.details.keys() == none.details.keys(), theirs)
        check(f"{what} needs a token", change(engine, None, mine, name, body).status == 401)
    check("refund is not for users", change(engine, token, mine, "refund").status == 403)
    check("nothing happened", engine.get(path_of(mine), token).data["seats"] == ["A-1", "A-2"])
    for odd in ("1", "x" * 36, mine["booking_id"] + "0"):
        check(f"no booking {odd}", engine.post(f"{BASE}/bookings/{odd}/extend", token).status == 404)


def test_fields(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, show, zone = seated_zone(engine, organizer)
    floor = general_zone(engine, organizer, show)
    booking = take(engine, token, zone, "A-1", "A-2").data

    def refused(what, fields, body):
        answer = change(engine, token, booking, what, body)
        check(f"{what} {body}"[:70], answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == fields, answer)

    for what in ("release", "confirm"):
        for value in (0, -1, 1.5, "1", [], True, 10000001):
            refused(what, ["quantity"], {"quantity": value})
        for value in ("A-1", 1, {}, [], [1], [""], ["A-1", "A-1"], [f"A-{i}" for i in range(33)]):
            refused(what, ["seats"], {"seats": value})
        refused(what, ["quantity"], {"seats": ["A-1"], "quantity": 2})
        for label in ("Z-1", "A-11", "x"):
            refused(what, ["seats"], {"seats": ["A-1", label]})
    refused("release", ["quantity"], {})
    for value in (0, -1, 1.5, "60", [], True, 86401):
        refused("extend", ["seconds"], {"seconds": value})
    for value in ("x", 1, "", None, "00000000-0000-0000-0000-000000000000"):
        refused("transfer", ["user_id"], {"user_id": value})
    refused("transfer", ["user_id"], {})
    for value in (1, "x", []):
        refused("exchange", ["zone_id"], {"zone_id": value})
    for name in ("best_available", "allow_split"):
        refused("exchange", [name], {"seats": ["B-1", "B-2"], name: True})
        refused("exchange", [name], {name: 1})
    refused("exchange", ["seats"], {})
    refused("exchange", ["seats"], {"allow_split": True})
    refused("exchange", ["seats"], {"seats": ["B-1", "Z-1"]})
    refused("exchange", ["seats"], {"zone_id": zone["id"], "seats": ["B-1", "Z-1"]})
    refused("exchange", ["seats"], {"zone_id": floor["id"], "seats": ["A-1"]})
    refused("exchange", ["best_available"], {"zone_id": floor["id"], "best_available": True})
    answer = change(engine, token, booking, "exchange", {"zone_id": str(uuid.uuid4())})
    check("an unknown zone", answer.is_refusal(404, "NOT_FOUND"), answer)
    for what in ("extend", "release", "exchange", "transfer", "confirm"):
        refused(what, ["user"] if what != "transfer" else ["user", "user_id"],
                {"user": 1, **({"quantity": 1} if what == "release" else {}),
                 **({"best_available": True} if what == "exchange" else {})})
    check("nothing happened", engine.get(path_of(booking), token).data["seats"] == ["A-1", "A-2"])


def test_idempotency(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    booking = take(engine, token, zone, "A-1", "A-2", "A-3", "A-4").data
    steps = (("extend", {"seconds": 6}), ("release", {"seats": ["A-4", "A-3"]}),
             ("exchange", {"seats": ["B-1", "B-2"]}), ("confirm", {"seats": ["B-1"]}))
    firsts = [change(engine, token, booking, what, body, key=what) for what, body in steps]
    for (what, body), first in zip(steps, firsts):
        check(what, first.status == 200 and first.headers.get("Idempotent-Replayed") is None, first)
        again = change(engine, token, booking, what, body, key=what)
        check(f"{what} again is as it was", again.body == first.body and
              again.headers.get("Idempotent-Replayed") == "true", (first, again))
    again = change(engine, token, booking, "release", {"seats": ["A-3", "A-4"]}, key="release")
    check("seats in another order", again.body == firsts[1].body, again)
    again = change(engine, token, booking, "release", {"seats": ["A-3", "A-2"]}, key="release")
    check("other seats", again.is_refusal(422, "IDEMPOTENCY_KEY_REUSED"), again)
    check("another operation", change(engine, token, booking, "confirm", key="release").status == 422)
    again = change(engine, token, booking, "extend", {"seconds": 7}, key="extend")
    check("other seconds", again.is_refusal(422, "IDEMPOTENCY_KEY_REUSED"), again)
    engine.restart()
    for (what, body), first in zip(steps, firsts):
        again = change(engine, token, booking, what, body, key=what)
        check(f"{what} again after a crash", again.body == first.body, (first, again))


if __name__ == "__main__":
    sys.exit(main([value for name, value in list(globals().items()) if name.startswith("test_")],
                  BOOKING_RESERVATION_TTL_SECONDS="5", BOOKING_HOLD_EXTEND_MAX_SECONDS="12"))
