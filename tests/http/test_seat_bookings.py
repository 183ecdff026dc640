#!/usr/bin/python3
"""Reserving numbered seats over HTTP on the real engine: by name, the best available,
what is refused and with which details, and each field wrong in type, length and range."""

import concurrent.futures
import sys
import uuid

from api import BASE, main
from seating import RESERVE, best, counts, fill, general_zone, path_of, seated_zone, take

ROW_A = [f"A-{i}" for i in range(1, 11)]
EVERY_SEAT = [f"{row}-{i}" for row in "ABCD" for i in range(1, 11)]


def test_named_seats(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    event, show, zone = seated_zone(engine, organizer)
    answer = take(engine, token, zone, "B-5", "B-4", quantity=2, unit_price=1500, show_id=show["id"],
                  event_id=event["id"])
    check("201", answer.status == 201, answer)
    booking = answer.data
    check("the seats, in the plan's order", booking["seats"] == ["B-4", "B-5"], answer)
    check("quantity and money follow", (booking["quantity"], booking["total_amount"]) == (2, 3000), answer)
    check("no stops, no order, nothing exchanged",
          [booking[n] for n in ("from_stop", "to_stop", "order_id", "exchanged_from")] == [None] * 4, answer)
    check("what remains", booking["remaining_seats"] == 38, answer)
    check("the zone's counts", counts(engine, zone) == (38, 2, 0), counts(engine, zone))
    check("get shows the seats", engine.get(path_of(booking), token).data["seats"] == ["B-4", "B-5"])
    answer = engine.post(path_of(booking) + "/confirm", token)
    check("confirm shows the seats", answer.status == 200 and answer.data["seats"] == ["B-4", "B-5"], answer)
    check("sold", counts(engine, zone) == (38, 0, 2), counts(engine, zone))


def test_lists_show_seats(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    for seats in (("A-1", "A-2"), ("C-1",), ("D-9", "D-10")):
        take(engine, token, zone, *seats)
    for path in ("/bookings", "/bookings/pending"):
        answer = engine.get(BASE + path, token)
        check(path, [booking["seats"] for booking in answer.data] == [["D-9", "D-10"], ["C-1"], ["A-1", "A-2"]], answer)


def test_seats_that_are_taken(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    take(engine, other, zone, "C-1", "C-2")
    sold = take(engine, other, zone, "C-3", "C-4").data
    engine.post(path_of(sold) + "/confirm", other)
    answer = take(engine, token, zone, "C-2", "C-3", "C-5")
    check("all or nothing, each with its state", answer.is_refusal(409, "SEAT_UNAVAILABLE", seats=[
        {"seat": "C-2", "state": "reserved"}, {"seat": "C-3", "state": "sold"}]), answer)
    check("nothing was taken", counts(engine, zone) == (36, 2, 2), counts(engine, zone))


def test_refusal_is_remembered_with_its_seats(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    take(engine, other, zone, "C-1", "C-2")
    first = take(engine, token, zone, "C-1", "C-2", key="refused")
    again = take(engine, token, zone, "C-2", "C-1", key="refused")
    check("the same details", first.details.get("seats") and again.details.get("seats") == first.details["seats"], again)
    check("as a repeat", again.headers.get("Idempotent-Replayed") == "true", again.headers)


def test_orphans(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    answer = take(engine, token, zone, "A-2", "A-3")
    check("a single seat at the row's end", answer.is_refusal(409, "ORPHAN_SEAT", seat="A-1"), answer)
    check("nothing was taken", counts(engine, zone)[0] == 40)
    check("with two beside it is fine", take(engine, token, zone, "A-3", "A-4").status == 201)


def test_best_available(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    for claim, more in (("by quantity alone", {}), ("asked for", {"best_available": True}),
                        ("not asked for", {"best_available": False}), ("split or not", {"allow_split": True})):
        answer = best(engine, token, zone, 3, **more)
        seats = answer.data["seats"]
        rows, numbers = {seat[0] for seat in seats}, sorted(int(seat[2:]) for seat in seats)
        check(f"{claim}: together", answer.status == 201 and len(rows) == 1 and
              numbers == list(range(numbers[0], numbers[0] + 3)), answer)
    check("twelve of forty", counts(engine, zone) == (28, 12, 0), counts(engine, zone))


def test_not_together(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    _, _, zone = seated_zone(engine, organizer, rows=[{"rows": "A..B", "seats": "1..4"}])
    fill(engine, other, zone, ["A-1", "A-2", "B-1", "B-2"])
    answer = best(engine, token, zone, 3)
    check("two and two", answer.is_refusal(409, "SEATS_NOT_TOGETHER", requested=3, available=4, together=2), answer)
    answer = best(engine, token, zone, 5)
    check("too few", answer.is_refusal(409, "INSUFFICIENT_STOCK", requested=5, available=4), answer)
    answer = best(engine, token, zone, 4, allow_split=True)
    check("split", answer.status == 201 and answer.data["seats"] == ["A-3", "A-4", "B-3", "B-4"], answer)


def test_labels_are_those_of_the_zone(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    for label in ("A-11", "a-1", "A1", "E-1", "A-01", "A-1 ", "-", "A-", "-1", "A-1\0", "é-1", "A-1" * 30):
        answer = take(engine, token, zone, "A-1", label)
        fault = answer.details.get("fields", [{}])[0]
        check(f"{label!r} is no seat", answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == ["seats"], answer)
        check(f"{label!r} is named", fault.get("value") == label[:64], answer)
    answer = take(engine, token, zone, "X-1", "A-1", "X-2")
    check("each unknown one is named", [fault.get("value") for fault in answer.details["fields"]] == ["X-1", "X-2"], answer)
    answer = take(engine, token, zone, "A-1", "B-2", "A-1")
    check("twice the same", answer.fields == ["seats"] and answer.details["fields"][0].get("value") == "A-1", answer)
    check("nothing was taken", counts(engine, zone)[0] == 40)


def test_fields(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    event, show, zone = seated_zone(engine, organizer)
    floor = general_zone(engine, organizer, show)
    unknown = str(uuid.uuid4())

    def refused(claim, fields, body, where=zone):
        answer = engine.post(RESERVE, token, {"zone_id": where["id"], **body})
        check(claim, answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == fields, answer)

    for value in ("A-1", 1, {}, True, [], [1], [None], [["A-1"]], [""], ["A-1", 2], [f"A-{i}" for i in range(33)]):
        refused(f"seats {value!r}"[:60], ["seats"], {"seats": value})
    for value in (0, -1, 1.5, "1", [], True, 10000001):
        refused(f"quantity {value!r}", ["quantity"], {"quantity": value})
    refused("neither quantity nor seats", ["quantity"], {})
    refused("both null", ["quantity"], {"quantity": None, "seats": None})
    refused("a quantity that differs", ["quantity"], {"seats": ["A-1"], "quantity": 2})
    for name in ("best_available", "allow_split"):
        for value in ("true", 1, 0, [], {}):
            refused(f"{name} {value!r}", [name], {"quantity": 1, name: value})
        refused(f"{name} with seats", [name], {"seats": ["A-1"], name: True})
        refused(f"{name} in a general zone", [name], {"quantity": 1, name: True}, floor)
    refused("seats in a general zone", ["seats"], {"seats": ["A-1"]}, floor)
    for name in ("from_stop", "to_stop"):
        for value in (-1, 1.5, "", "x" * 65, True, [], {}):
            refused(f"{name} {value!r}"[:40], [name], {"quantity": 1, name: value})
        for value in (0, "DHA", unknown):
            refused(f"{name} {value!r} of a show that is no trip", [name], {"quantity": 1, name: value})
    for value in (1, "", " ", "x" * 201, "a\nb", [], True):
        refused(f"allotment_key {value!r}"[:40], ["allotment_key"], {"quantity": 1, "allotment_key": value})
    refused("all of them", ["seats", "best_available", "from_stop"],
            {"seats": 1, "best_available": 1, "from_stop": True})
    check("nothing was taken", counts(engine, zone)[0] == 40 and counts(engine, floor)[0] == 100)
    for body in ({"seats": ["A-1"]}, {"quantity": 1, "best_available": True}, {"quantity": 1, "to_stop": 1}):
        answer = engine.post(RESERVE, token, {"zone_id": unknown, **body})
        check(f"an unknown zone with {sorted(body)}", answer.is_refusal(404, "NOT_FOUND"), answer)
    answer = engine.post(RESERVE, token, {"zone_id": floor["id"], "quantity": 1, "best_available": False,
                                          "allow_split": False, "seats": None, "from_stop": None})
    check("false and null ask for nothing", answer.status == 201, answer)
    answer = engine.post(RESERVE, token, {"zone_id": floor["id"], "quantity": 1, "allotment_key": "nobody's"})
    check("an unknown key", answer.is_refusal(404, "ALLOTMENT_UNKNOWN"), answer)


def test_limits(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = seated_zone(engine, organizer, max_per_user=4)
    answer = take(engine, token, zone, *ROW_A, "B-1")
    check("more than one order may", answer.is_refusal(400, "VALIDATION_ERROR", limit=10), answer)
    answer = take(engine, token, zone, *ROW_A[:5])
    check("more than a user may", answer.is_refusal(409, "MAX_PER_USER_EXCEEDED", limit=4, held=0), answer)
    answer = take(engine, token, zone, "A-1", "A-2", unit_price=1)
    check("price before seats", answer.is_refusal(409, "PRICE_CHANGED", unit_price=1500, currency="THB"), answer)


def test_idempotency(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    first = take(engine, token, zone, "A-1", "A-2", key="seats")
    again = take(engine, token, zone, "A-2", "A-1", key="seats")
    check("seats in another order are the same request", again.status == 201 and again.body == first.body and
          again.headers.get("Idempotent-Replayed") == "true", again)
    check("other seats are not", take(engine, token, zone, "A-1", "A-3", key="seats").status == 422)
    check("a quantity is not", best(engine, token, zone, 2, key="seats").status == 422)
    first = best(engine, token, zone, 2, key="best")
    again = best(engine, token, zone, 2, key="best", best_available=True)
    check("a repeat of the best gets the same seats", again.body == first.body, again)
    check("splitting is another request", best(engine, token, zone, 2, key="best", allow_split=True).status == 422)


def test_race_for_seats(engine, check):
    organizer = engine.token("organizer")
    _, _, zone = seated_zone(engine, organizer)
    tokens = [engine.token() for _ in range(120)]

    def one(i):
        first = EVERY_SEAT.index(EVERY_SEAT[(i * 2) % 40])
        return take(engine, tokens[i], zone, *EVERY_SEAT[first:first + 2])

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(one, range(120)))
    seats = [seat for answer in answers if answer.status == 201 for seat in answer.data["seats"]]
    check("no seat twice", len(seats) == len(set(seats)), seats)
    check("every seat once", sorted(seats) == sorted(EVERY_SEAT), seats)
    check("the rest was told why", all(a.is_refusal(409, "SEAT_UNAVAILABLE") for a in answers if a.status != 201))


def test_restart_keeps_seats(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    booking = take(engine, token, zone, "A-1", "A-2", key="before").data
    engine.restart()
    check("the booking", engine.get(path_of(booking), token).data["seats"] == ["A-1", "A-2"])
    check("its seats", take(engine, other, zone, "A-1", "A-2").is_refusal(
        409, "SEAT_UNAVAILABLE", seats=[{"seat": "A-1", "state": "reserved"}, {"seat": "A-2", "state": "reserved"}]))
    again = take(engine, token, zone, "A-1", "A-2", key="before")
    check("the key", again.status == 201 and again.data == booking, again)


if __name__ == "__main__":
    sys.exit(main([value for name, value in list(globals().items()) if name.startswith("test_")],
                  BOOKING_MAX_PER_ORDER="10"))
