#!/usr/bin/python3
"""Orders over several zones, and exchanges to another zone, over HTTP on the real
engine: all or nothing, which item is refused, fields, repeats, crashes."""

import sys
import time
import uuid

from api import BASE, main
from seating import counts, general_zone, path_of, seated_zone, take

ORDERS = BASE + "/orders"


def place(engine, token, *items, key=None):
    return engine.post(ORDERS, token, {"items": list(items)}, key=key)


def order_path(order):
    return f"{ORDERS}/{order['order_id']}"


def two_zones(engine, organizer, **event):
    _, show, stalls = seated_zone(engine, organizer, **event)
    return stalls, general_zone(engine, organizer, show)


def test_life_of_an_order(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    stalls, floor = two_zones(engine, organizer)
    _, _, abroad = engine.make_zone(organizer, price="10.5", currency="EUR")
    answer = place(engine, token, {"zone_id": stalls["id"], "seats": ["A-2", "A-1"]},
                   {"zone_id": floor["id"], "quantity": 3}, {"zone_id": abroad["id"], "quantity": 2})
    check("201", answer.status == 201 and answer.data["status"] == "reserved", answer)
    order = answer.data
    check("its bookings", [(b["quantity"], b["seats"], b["status"], b["order_id"]) for b in order["bookings"]] ==
          [(2, ["A-1", "A-2"], "reserved", order["order_id"]), (3, [], "reserved", order["order_id"]),
           (2, [], "reserved", order["order_id"])], answer)
    check("a sum for each currency", order["total_amounts"] == [
        {"total_amount": 7500, "currency": "THB"}, {"total_amount": 21, "currency": "EUR"}], answer)
    check("the first deadline", order["expires_at"] == min(b["expires_at"] for b in order["bookings"]), answer)
    check("held", [counts(engine, zone) for zone in (stalls, floor, abroad)] ==
          [(38, 2, 0), (97, 3, 0), (98, 2, 0)])
    seen = engine.get(order_path(order), token)
    check("get", seen.status == 200 and seen.data["status"] == "reserved" and
          seen.data["bookings"][0]["zone_name"] == "Stalls", seen)
    answer = engine.post(order_path(order) + "/confirm", token, {"payment_id": str(uuid.uuid4())})
    check("confirm", answer.status == 200 and answer.data["status"] == "confirmed" and
          all(b["status"] == "confirmed" for b in answer.data["bookings"]), answer)
    check("sold", [counts(engine, zone) for zone in (stalls, floor, abroad)] ==
          [(38, 0, 2), (97, 0, 3), (98, 0, 2)])
    check("confirm again", engine.post(order_path(order) + "/confirm", token).status == 200)
    answer = engine.post(order_path(order) + "/cancel", token)
    check("then no cancel", answer.is_refusal(409, "INVALID_STATE", status="confirmed"), answer)


def test_cancel(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    stalls, floor = two_zones(engine, organizer)
    order = place(engine, token, {"zone_id": stalls["id"], "quantity": 2}, {"zone_id": floor["id"], "quantity": 1}).data
    for claim in ("cancel", "cancel again"):
        answer = engine.post(order_path(order) + "/cancel", token)
        check(claim, answer.status == 200 and answer.data["status"] == "cancelled", answer)
    check("all is free", (counts(engine, stalls), counts(engine, floor)) == ((40, 0, 0), (100, 0, 0)))
    answer = engine.post(order_path(order) + "/confirm", token)
    check("then no confirm", answer.is_refusal(409, "INVALID_STATE", status="cancelled"), answer)


def test_all_or_nothing(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    stalls, floor = two_zones(engine, organizer)
    take(engine, other, stalls, "C-1", "C-2")
    answer = place(engine, token, {"zone_id": floor["id"], "quantity": 2}, {"zone_id": stalls["id"], "seats": ["C-2"]},
                   {"zone_id": floor["id"], "quantity": 1, "unit_price": 1})
    check("the lowest refused item", answer.is_refusal(
        409, "SEAT_UNAVAILABLE", item=1, seats=[{"seat": "C-2", "state": "reserved"}]), answer)
    check("the others are given back", counts(engine, floor) == (100, 0, 0), counts(engine, floor))
    answer = place(engine, token, {"zone_id": floor["id"], "quantity": 1, "unit_price": 1})
    check("a price", answer.is_refusal(409, "PRICE_CHANGED", item=0, unit_price=1500, currency="THB"), answer)
    answer = place(engine, token, {"zone_id": floor["id"], "quantity": 1}, {"zone_id": str(uuid.uuid4()), "quantity": 1})
    check("an unknown zone", answer.is_refusal(404, "NOT_FOUND", item=1), answer)
    answer = place(engine, token, {"zone_id": str(uuid.uuid4()), "seats": ["A-1"]})
    check("an unknown zone's seats", answer.is_refusal(404, "NOT_FOUND", item=0), answer)


def test_limits_are_of_the_sum(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    stalls, floor = two_zones(engine, organizer, max_per_user=4)
    items = [{"zone_id": stalls["id"], "quantity": 3}, {"zone_id": floor["id"], "quantity": 2}]
    answer = place(engine, token, *items)
    check("five of four", answer.status == 409 and answer.code == "MAX_PER_USER_EXCEEDED", answer)
    check("four of four", place(engine, token, items[0], {**items[1], "quantity": 1}).status == 201)
    answer = place(engine, token, {"zone_id": floor["id"], "quantity": 11})
    check("of one item", answer.is_refusal(400, "VALIDATION_ERROR", item=0), answer)


def test_parts_of_an_order(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    stalls, floor = two_zones(engine, organizer)
    order = place(engine, token, {"zone_id": stalls["id"], "seats": ["A-1", "A-2"]},
                  {"zone_id": floor["id"], "quantity": 2}).data
    first = order["bookings"][0]
    for what, body in (("confirm", {}), ("cancel", {}), ("release", {"quantity": 1}), ("release", {"seats": ["A-1"]}),
                       ("exchange", {"seats": ["B-1", "B-2"]}), ("transfer", {"user_id": str(uuid.uuid4())})):
        answer = engine.post(f"{path_of(first)}/{what}", token, body)
        check(f"{what} {body}", answer.is_refusal(409, "PART_OF_ORDER", order_id=order["order_id"]), answer)
    answer = engine.post(path_of(first) + "/extend", token, {"seconds": 6})
    check("extend", answer.status == 200 and answer.data["order_id"] == order["order_id"], answer)


def test_expiry(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    stalls, floor = two_zones(engine, organizer)
    order = place(engine, token, {"zone_id": stalls["id"], "quantity": 2}, {"zone_id": floor["id"], "quantity": 1}).data
    engine.post(path_of(order["bookings"][0]) + "/extend", token, {"seconds": 10})
    time.sleep(5.2)
    answer = engine.post(order_path(order) + "/confirm", token)
    check("one is too late", answer.is_refusal(410, "RESERVATION_EXPIRED"), answer)
    check("so all are free", (counts(engine, stalls), counts(engine, floor)) == ((40, 0, 0), (100, 0, 0)),
          (counts(engine, stalls), counts(engine, floor)))


def test_fields(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    stalls, floor = two_zones(engine, organizer)
    item = {"zone_id": floor["id"], "quantity": 1}

    def refused(claim, fields, body):
        answer = engine.post(ORDERS, token, body)
        check(f"{claim} {body}"[:70], answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == fields, answer)

    for value in (None, 1, "x", {}, [], [item] * 9):
        refused("items", ["items"], {"items": value})
    refused("nothing", ["items"], {})
    for value in (1, "x", [], None, True):
        refused("an item", ["items[1]"] if not isinstance(value, dict) else [], {"items": [item, value]})
    refused("its fields", ["items[1].quantity", "items[1].show_id"],
            {"items": [item, {**item, "quantity": 0, "show_id": 1}]})
    refused("what it lacks", ["items[0].zone_id", "items[0].quantity"], {"items": [{}, item]})
    refused("its seats", ["items[1].seats"], {"items": [item, {"zone_id": stalls["id"], "seats": ["A-1", "Z-1"]}]})
    refused("seats it cannot have", ["items[0].seats"], {"items": [{"zone_id": floor["id"], "seats": ["A-1"]}]})
    refused("a key inside", ["items[0].idempotency_key"], {"items": [{**item, "idempotency_key": "x"}]})
    refused("unknown", ["zone_id"], {"items": [item], "zone_id": floor["id"]})
    check("nothing was taken", counts(engine, floor)[0] == 100 and counts(engine, stalls)[0] == 40)
    for what in ("confirm", "cancel"):
        check(f"{what}: no id", engine.post(f"{ORDERS}/x/{what}", token).status == 404)
        check(f"{what}: unknown", engine.post(f"{ORDERS}/{uuid.uuid4()}/{what}", token).status == 404)
    answer = engine.post(f"{ORDERS}/{uuid.uuid4()}/confirm", token, {"payment_id": "x"})
    check("payment_id", answer.fields == ["payment_id"], answer)
    check("get: no id", engine.get(ORDERS + "/x", token).status == 404)
    check("get: unknown", engine.get(f"{ORDERS}/{uuid.uuid4()}", token).status == 404)


def test_strangers(engine, check):
    organizer, token, stranger = engine.token("organizer"), engine.token(), engine.token()
    stalls, floor = two_zones(engine, organizer)
    order = place(engine, token, {"zone_id": stalls["id"], "quantity": 2}, {"zone_id": floor["id"], "quantity": 1}).data
    check("get", engine.get(order_path(order), stranger).is_refusal(404, "NOT_FOUND"))
    for what in ("confirm", "cancel"):
        check(what, engine.post(f"{order_path(order)}/{what}", stranger).is_refusal(404, "NOT_FOUND"))
    check("nothing happened", engine.get(order_path(order), token).data["status"] == "reserved")


def test_idempotency(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    stalls, floor = two_zones(engine, organizer)
    items = [{"zone_id": stalls["id"], "seats": ["A-1", "A-2"]}, {"zone_id": floor["id"], "quantity": 1}]
    first = place(engine, token, *items, key="order")
    again = place(engine, token, {**items[0], "seats": ["A-2", "A-1"]}, items[1], key="order")
    check("the same order", again.status == 201 and again.body == first.body and
          again.headers.get("Idempotent-Replayed") == "true", (first, again))
    check("items in another order are another", place(engine, token, items[1], items[0], key="order").status == 422)
    confirmed = engine.post(order_path(first.data) + "/confirm", token, key="confirm")
    again = engine.post(order_path(first.data) + "/confirm", token, key="confirm")
    check("confirm", again.status == 200 and again.body == confirmed.body, again)
    again = place(engine, token, *items, key="order")
    check("the first answer after all that", again.body == first.body, again)
    engine.restart()
    again = place(engine, token, *items, key="order")
    check("and after a crash", again.status == 201 and again.data == first.data, again)
    seen = engine.get(order_path(first.data), token)
    check("and the order", seen.data["status"] == "confirmed", seen)


def test_exchange_to_another_zone(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    _, show, stalls = seated_zone(engine, organizer)
    floor, dear = general_zone(engine, organizer, show), general_zone(engine, organizer, show, price=2000)
    booking = engine.post(BASE + "/bookings/reserve", token, {"zone_id": floor["id"], "quantity": 2}).data
    take(engine, other, stalls, "A-1", "A-2")
    answer = engine.post(path_of(booking) + "/exchange", token, {"zone_id": stalls["id"], "seats": ["A-2", "A-3"]})
    check("seats that are taken", answer.is_refusal(
        409, "SEAT_UNAVAILABLE", seats=[{"seat": "A-2", "state": "reserved"}]), answer)
    check("it keeps its places", counts(engine, floor) == (98, 2, 0), counts(engine, floor))
    answer = engine.post(path_of(booking) + "/exchange", token, {"zone_id": stalls["id"], "seats": ["B-2", "B-1"]}, key="x")
    check("to seats", answer.status == 200 and answer.data["seats"] == ["B-1", "B-2"] and
          answer.data["zone_id"] == stalls["id"] and answer.data["status"] == "reserved", answer)
    new = answer.data
    check("it names the old one", new["exchanged_from"] == booking["booking_id"] and
          new["booking_id"] != booking["booking_id"] and new["order_id"] is None, answer)
    check("the deadline goes on", new["expires_at"] == booking["expires_at"], answer)
    check("the old one is cancelled", engine.get(path_of(booking), token).data["status"] == "cancelled")
    check("its places are free", counts(engine, floor) == (100, 0, 0) and counts(engine, stalls) == (36, 4, 0))
    again = engine.post(path_of(booking) + "/exchange", token, {"zone_id": stalls["id"], "seats": ["B-1", "B-2"]}, key="x")
    check("a repeat", again.body == answer.body, again)
    answer = engine.post(path_of(new) + "/exchange", token, {"zone_id": dear["id"]})
    check("a reservation takes the new price", answer.status == 200 and answer.data["total_amount"] == 4000, answer)
    newest = answer.data
    engine.post(path_of(newest) + "/confirm", token)
    answer = engine.post(path_of(newest) + "/exchange", token, {"zone_id": floor["id"]})
    check("a confirmed one needs an equal one", answer.status == 409 and answer.code == "PRICE_CHANGED", answer)
    _, _, elsewhere = engine.make_zone(organizer)
    answer = engine.post(path_of(newest) + "/exchange", token, {"zone_id": elsewhere["id"]})
    check("of the same event", answer.is_refusal(404, "NOT_FOUND"), answer)


if __name__ == "__main__":
    sys.exit(main([value for name, value in list(globals().items()) if name.startswith("test_")],
                  BOOKING_RESERVATION_TTL_SECONDS="5", BOOKING_HOLD_EXTEND_MAX_SECONDS="30"))
