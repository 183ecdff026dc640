#!/usr/bin/python3
"""What organizers do to a zone on sale, over HTTP on the real engine: allotments drawn from
with their key, house holds, closing, draining; how each ends and what then is free."""

import datetime
import sys
import time
import uuid

from api import BASE, main
from seating import RESERVE, best, counts, general_zone, path_of, seated_zone, take
from trips import Repeats, Trip, eventually, states

ORDERS = BASE + "/orders"


def soon(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def blocks_of(zone):
    return f"{BASE}/zones/{zone['id']}/blocks"


def allot(engine, organizer, zone, **more):
    answer = engine.post(blocks_of(zone), organizer, {"kind": "allotment", **more})
    assert answer.status == 201 and answer.data["key"], answer
    return answer.data


def end(engine, organizer, block):
    return engine.request("DELETE", f"{BASE}/zones/{block['zone_id']}/blocks/{block['id']}", organizer)


def seen_block(engine, organizer, block):
    """An active block as it is listed, without its key."""
    return next((b for b in engine.get(f"{BASE}/zones/{block['zone_id']}/blocks", organizer).data
                 if b["id"] == block["id"]), None)


def draw(engine, token, zone, block, *seats, **more):
    what = {"seats": list(seats)} if seats else {}
    return engine.post(RESERVE, token, {"zone_id": zone["id"], "allotment_key": block["key"], **what, **more})


def change(engine, token, booking, what, body=None):
    return engine.post(f"{path_of(booking)}/{what}", token, body)


def facts(engine, zone):
    """(available, reserved, sold, blocked)"""
    return (*counts(engine, zone), engine.zone(zone)["blocked_seats"])


def floor_of(engine, organizer, seats=10, **event):
    return engine.make_zone(organizer, seats=seats, max_per_user=100, **event)[2]


def test_draws_of_a_general_zone(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    zone = floor_of(engine, organizer)
    block = allot(engine, organizer, zone, quantity=4, reason="Partner", owner_id=str(uuid.uuid4()))
    check("set aside", facts(engine, zone) == (6, 0, 0, 4), facts(engine, zone))
    answer = engine.reserve(token, zone, 7)
    check("not for who has no key", answer.is_refusal(409, "INSUFFICIENT_STOCK", requested=7, available=6), answer)
    first = draw(engine, token, zone, block, quantity=3)
    check("drawn", first.status == 201 and first.data["remaining_seats"] == 1, first)
    check("counted", facts(engine, zone) == (6, 3, 0, 1), facts(engine, zone))
    seen = seen_block(engine, organizer, block)
    check("listed", (seen["quantity"], seen["drawn"], seen["owner_id"]) == (4, 3, block["owner_id"]) and "key" not in seen, seen)
    answer = draw(engine, other, zone, block, quantity=2)
    check("no more than it has", answer.is_refusal(409, "INSUFFICIENT_STOCK", requested=2, available=1), answer)
    check("the rest is for everybody", engine.reserve(other, zone, 6).status == 201)
    answer = engine.reserve(other, zone, 1)
    check("and no more", answer.is_refusal(409, "INSUFFICIENT_STOCK", requested=1, available=0), answer)
    check("still drawn from", draw(engine, other, zone, block, quantity=1).status == 201)
    change(engine, token, first.data, "cancel")
    check("a cancelled draw goes back to it", facts(engine, zone) == (0, 7, 0, 3) and
          seen_block(engine, organizer, block)["drawn"] == 1, facts(engine, zone))
    check("not to everybody", engine.reserve(token, zone, 1).is_refusal(409, "INSUFFICIENT_STOCK"))
    again = draw(engine, token, zone, block, quantity=3)
    check("and is drawn again", again.status == 201 and again.data["remaining_seats"] == 0, again)
    change(engine, token, again.data, "release", {"quantity": 1})
    change(engine, token, again.data, "confirm", {"quantity": 1})
    check("so do released and unconfirmed ones", facts(engine, zone) == (0, 7, 1, 2) and
          seen_block(engine, organizer, block)["drawn"] == 2, facts(engine, zone))
    change(engine, organizer, again.data, "refund")
    check("and refunded ones", facts(engine, zone) == (0, 7, 0, 3) and
          seen_block(engine, organizer, block)["drawn"] == 1, facts(engine, zone))


def test_keys(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    zone, elsewhere = floor_of(engine, organizer), floor_of(engine, organizer)
    one, other = (allot(engine, organizer, zone, quantity=2) for _ in range(2))
    check("no two alike", one["key"] != other["key"], (one, other))
    hold = engine.post(blocks_of(zone), organizer, {"kind": "house_hold", "quantity": 2}).data
    check("a house hold has none", hold["key"] is None, hold)
    for claim, key in (("made up", "x"), ("nearly", one["key"][:-1]), ("longer", one["key"] + "A"), ("the block's id", one["id"]),
                       ("a house hold's id", hold["id"]), ("in other letters", one["key"].swapcase()), ("long", "k" * 200)):
        answer = engine.reserve(token, zone, 1, allotment_key=key)
        check(claim, answer.is_refusal(404, "ALLOTMENT_UNKNOWN"), answer)
    for claim, key in (("empty", ""), ("201 bytes", "k" * 201), ("a number", 1), ("two lines", "a\nb"), ("a list", [one["key"]])):
        answer = engine.reserve(token, zone, 1, allotment_key=key)
        check(claim, answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == ["allotment_key"], answer)
    answer = draw(engine, token, elsewhere, one, quantity=1)
    check("of another zone", answer.is_refusal(404, "ALLOTMENT_UNKNOWN"), answer)
    check("null is none", engine.reserve(token, zone, 4, allotment_key=None).status == 201)
    check("nothing of them was drawn", [seen_block(engine, organizer, b)["drawn"] for b in (one, other, hold)] == [0, 0, 0])
    check("each its own", draw(engine, token, zone, one, quantity=2).status == 201 and
          draw(engine, token, zone, one, quantity=1).status == 409 and draw(engine, token, zone, other, quantity=1).status == 201)
    answer = draw(engine, token, zone, other, quantity=2, unit_price=3)
    check("the price is asked before the stock", answer.is_refusal(409, "PRICE_CHANGED", unit_price=1500), answer)
    answer = engine.reserve(token, zone, 1, allotment_key="x", unit_price=3)
    check("and the key before the price", answer.is_refusal(404, "ALLOTMENT_UNKNOWN"), answer)
    for who in (token, engine.token("organizer")):
        check("no keys for others", engine.get(blocks_of(zone), who).status in (403, 404))
        check("nor ending", end(engine, who, one).status in (403, 404))


def test_ending_while_drawn(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    zone = floor_of(engine, organizer)
    block = allot(engine, organizer, zone, quantity=6)
    drawn, kept = (draw(engine, token, zone, block, quantity=n).data for n in (2, 1))
    answer = end(engine, organizer, block)
    check("ended", answer.status == 200 and not answer.data["active"] and
          (answer.data["quantity"], answer.data["drawn"]) == (6, 0), answer)
    check("what was left is for everybody", facts(engine, zone) == (7, 3, 0, 0), facts(engine, zone))
    check("not listed", seen_block(engine, organizer, block) is None)
    again = end(engine, organizer, block)
    check("ended already", again.status == 200 and again.data == answer.data, again)
    answer = draw(engine, token, zone, block, quantity=1)
    check("its key is worth nothing", answer.is_refusal(404, "ALLOTMENT_UNKNOWN"), answer)
    check("what was drawn is theirs", change(engine, token, kept, "confirm").status == 200)
    change(engine, token, drawn, "cancel")
    check("what comes back is for everybody", facts(engine, zone) == (9, 0, 1, 0), facts(engine, zone))
    change(engine, organizer, kept, "refund")
    check("all of it", facts(engine, zone) == (10, 0, 0, 0) and engine.reserve(other, zone, 10).status == 201)


def test_ending_by_time(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    zone = floor_of(engine, organizer)
    _, _, stalls = seated_zone(engine, organizer)
    until = soon(1.2)
    block = allot(engine, organizer, zone, quantity=6, expires_at=until)
    seats = allot(engine, organizer, stalls, seats=["A-1", "A-2", "A-3", "A-4"], expires_at=until)
    later = allot(engine, organizer, zone, quantity=1, expires_at=soon(3600))
    hold = engine.post(blocks_of(stalls), organizer, {"kind": "house_hold", "seats": ["B-1"], "expires_at": until})
    check("its time", (block["expires_at"], hold.data["expires_at"]) == (until, until), block)
    drawn = draw(engine, token, zone, block, quantity=2).data
    taken = draw(engine, token, stalls, seats, "A-1", "A-2").data
    check("until then", (facts(engine, zone), facts(engine, stalls)) == ((3, 2, 0, 5), (35, 2, 0, 3)))
    check("they return by themselves", eventually(lambda: facts(engine, zone) == (7, 2, 0, 1)), facts(engine, zone))
    check("not before their time", soon(0) >= until, (soon(0), until))
    check("seats too", eventually(lambda: facts(engine, stalls) == (38, 2, 0, 0)), facts(engine, stalls))
    check("the map", states(engine, stalls) == {"A-1": "reserved", "A-2": "reserved"}, states(engine, stalls))
    check("not listed", [b["id"] for b in engine.get(blocks_of(zone), organizer).data] == [later["id"]])
    check("its key", draw(engine, token, zone, block, quantity=1).is_refusal(404, "ALLOTMENT_UNKNOWN"))
    check("for everybody", take(engine, token, stalls, "A-3", "A-4").status == 201)
    change(engine, token, drawn, "cancel")
    change(engine, token, taken, "cancel")
    check("as is what comes back", (facts(engine, zone), facts(engine, stalls)) == ((9, 0, 0, 1), (38, 2, 0, 0)))
    answer = end(engine, organizer, block)
    check("it is ended already", answer.status == 200 and not answer.data["active"], answer)


def test_time_passes_while_down(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    zone = floor_of(engine, organizer)
    past, kept = allot(engine, organizer, zone, quantity=4, expires_at=soon(0.5)), allot(engine, organizer, zone, quantity=3)
    drawn = draw(engine, token, zone, kept, quantity=1).data
    engine.process.kill()
    engine.process.wait(20)
    time.sleep(0.6)
    engine.start()
    check("ended at the start", eventually(lambda: facts(engine, zone) == (7, 1, 0, 2)), facts(engine, zone))
    check("the other's key is as it was", draw(engine, token, zone, kept, quantity=2).data["remaining_seats"] == 0)
    check("the ended one's not", draw(engine, token, zone, past, quantity=1).is_refusal(404, "ALLOTMENT_UNKNOWN"))
    change(engine, token, drawn, "cancel")
    check("and it gets back what was drawn before", facts(engine, zone) == (7, 2, 0, 1), facts(engine, zone))


def test_draws_of_seats(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    _, _, zone = seated_zone(engine, organizer, rows=[
        {"label": "A", "seats": "1..8", "accessible": [1, 2]}, {"label": "B", "seats": "1..8"}])
    mine = [f"A-{i}" for i in range(1, 5)] + ["B-1", "B-2", "B-3"]
    block = allot(engine, organizer, zone, seats=mine)
    check("blocked on the map", states(engine, zone) == dict.fromkeys(mine, "blocked"), states(engine, zone))
    answer = take(engine, other, zone, "A-4", "A-5")
    check("not for who has no key", answer.is_refusal(
        409, "SEAT_UNAVAILABLE", seats=[{"seat": "A-4", "state": "blocked"}]), answer)
    check("nor by the best available", best(engine, other, zone, 5).data["seats"] == [f"B-{i}" for i in range(4, 9)])
    answer = draw(engine, token, zone, block, "A-4", "A-5")
    check("nor others with the key", answer.is_refusal(
        409, "SEAT_UNAVAILABLE", seats=[{"seat": "A-5", "state": "blocked"}]), answer)
    answer = draw(engine, token, zone, block, quantity=5)
    check("not as many together", answer.is_refusal(409, "SEATS_NOT_TOGETHER", requested=5, available=7, together=4), answer)
    answer = draw(engine, token, zone, block, quantity=8)
    check("not as many at all", answer.is_refusal(409, "INSUFFICIENT_STOCK", requested=8, available=7), answer)
    answer = draw(engine, token, zone, block, "A-2")
    check("no orphan inside either", answer.is_refusal(409, "ORPHAN_SEAT", seat="A-1"), answer)
    answer = draw(engine, token, zone, block, quantity=4)
    check("the best of it, accessible ones too", answer.status == 201 and answer.data["seats"] == mine[:4] and
          answer.data["remaining_seats"] == 3, answer)
    first = answer.data
    check("named", draw(engine, other, zone, block, "B-1", "B-2", "B-3").status == 201)
    check("none left", draw(engine, token, zone, block, quantity=1).is_refusal(409, "INSUFFICIENT_STOCK", available=0))
    answer = draw(engine, token, zone, block, "A-1")
    check("taken is taken", answer.is_refusal(409, "SEAT_UNAVAILABLE", seats=[{"seat": "A-1", "state": "reserved"}]), answer)
    change(engine, token, first, "release", {"seats": ["A-3", "A-4"]})
    check("blocked again", {s: states(engine, zone).get(s) for s in mine[:4]} ==
          {"A-1": "reserved", "A-2": "reserved", "A-3": "blocked", "A-4": "blocked"}, states(engine, zone))
    check("and drawn again", draw(engine, other, zone, block, quantity=2).data["seats"] == ["A-3", "A-4"])
    end(engine, organizer, block)
    change(engine, token, first, "cancel")
    check("after its end they are free", states(engine, zone).get("A-1") is None, states(engine, zone))
    answer = best(engine, other, zone, 2)
    check("but for general sale not the accessible ones", answer.data["seats"] == ["A-5", "A-6"], answer)


def test_exchanges_of_draws(engine, check):
    organizer, token, receiver = engine.token("organizer"), engine.token(), str(uuid.uuid4())
    _, show, zone = seated_zone(engine, organizer)
    floor = general_zone(engine, organizer, show)
    block = allot(engine, organizer, zone, seats=["A-1", "A-2", "A-3", "A-4"])
    drawn = draw(engine, token, zone, block, "A-1", "A-2").data
    answer = change(engine, token, drawn, "exchange", {"seats": ["A-4", "A-3"]})
    check("within it", answer.status == 200 and states(engine, zone) == {
        "A-1": "blocked", "A-2": "blocked", "A-3": "reserved", "A-4": "reserved"}, answer)
    answer = change(engine, token, drawn, "exchange", {"seats": ["A-4", "A-5"]})
    check("not out of it", answer.is_refusal(409, "SEAT_UNAVAILABLE", seats=[{"seat": "A-5", "state": "blocked"}]), answer)
    answer = change(engine, token, drawn, "exchange", {"best_available": True})
    check("nor by the best", answer.status == 200 and facts(engine, zone) == (36, 2, 0, 2), answer)
    answer = change(engine, token, drawn, "exchange", {"zone_id": floor["id"]})
    check("another zone's places are general ones", answer.status == 200 and (facts(engine, zone), facts(engine, floor)) ==
          ((36, 0, 0, 4), (98, 2, 0, 0)), answer)
    answer = change(engine, token, answer.data, "exchange", {"zone_id": zone["id"], "seats": ["A-1", "A-2"]})
    check("there is no way back in", answer.is_refusal(409, "SEAT_UNAVAILABLE"), answer)
    drawn = draw(engine, token, zone, block, quantity=2).data
    change(engine, token, drawn, "transfer", {"user_id": receiver})
    change(engine, engine.token(user=receiver), drawn, "cancel")
    check("what the receiver of a draw gives back", facts(engine, zone) == (36, 0, 0, 4), facts(engine, zone))
    drawn = draw(engine, token, zone, block, quantity=2).data
    end(engine, organizer, block)
    answer = change(engine, token, drawn, "exchange", {"seats": ["B-1", "B-2"]})
    check("after its end anywhere", answer.status == 200 and facts(engine, zone) == (38, 2, 0, 0), answer)


def test_draws_apart(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = seated_zone(engine, organizer)
    block = allot(engine, organizer, zone, seats=["A-5", "A-6", "A-7", "C-1", "C-2"])
    answer = draw(engine, token, zone, block, quantity=5, allow_split=True)
    check("in parts, of it alone", answer.status == 201 and answer.data["seats"] == block["seats"], answer)
    answer = change(engine, token, answer.data, "release", {"quantity": 2})
    check("the highest go back", answer.data["seats"] == ["A-5", "A-6", "A-7"] and
          seen_block(engine, organizer, block)["drawn"] == 3, answer)


def test_draws_on_a_trip(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    trip = Trip(engine, organizer)
    coach, stands = trip.seated(), trip.standing(3)
    block, stood = allot(engine, organizer, coach, seats=["1-1", "1-2"]), allot(engine, organizer, stands, quantity=2)
    check("blocked on the whole way", trip.comes_to(coach, [10] * 4) and trip.comes_to(stands, [1] * 4), trip.left(stands))
    first = draw(engine, token, coach, block, "1-1", "1-2", from_stop=0, to_stop=1)
    check("drawn for a part", first.status == 201 and first.data["total_amount"] == 20, first)
    check("the same seats for the next", draw(engine, other, coach, block, quantity=2, from_stop=1).data["seats"] == ["1-1", "1-2"])
    check("drawn is that of the fullest segment", seen_block(engine, organizer, block)["drawn"] == 2)
    check("each way its states", [set(trip.states(coach, i, i + 1).items()) for i in range(3)] ==
          [{("1-1", "reserved"), ("1-2", "reserved")}] * 3)
    change(engine, token, first.data, "cancel")
    check("blocked there again", trip.states(coach, 0, 1) == {"1-1": "blocked", "1-2": "blocked"}, trip.states(coach, 0, 1))
    check("not for sale", take(engine, token, coach, "1-1", from_stop=0, to_stop=1).status == 409)
    for places in ((0, 1), (1, 2), (2, 3)):
        answer = draw(engine, token, stands, stood, quantity=2, from_stop=places[0], to_stop=places[1])
        check(f"standing over {places}", answer.status == 201 and answer.data["remaining_seats"] == 0, answer)
    answer = draw(engine, token, stands, stood, quantity=1, from_stop=2)
    check("then no more", answer.is_refusal(409, "INSUFFICIENT_STOCK", requested=1, available=0), answer)
    end(engine, organizer, block)
    end(engine, organizer, stood)
    check("ended", trip.comes_to(coach, [12, 10, 10, 10]) and trip.comes_to(stands, [1] * 4), trip.left(coach))


def test_orders_draw(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    _, show, stalls = seated_zone(engine, organizer)
    floor = general_zone(engine, organizer, show, seats=5)
    block, stood = allot(engine, organizer, stalls, seats=["A-1", "A-2"]), allot(engine, organizer, floor, quantity=2)
    items = [{"zone_id": stalls["id"], "seats": ["A-1", "A-2"], "allotment_key": block["key"]},
             {"zone_id": floor["id"], "quantity": 2, "allotment_key": stood["key"]}]
    answer = engine.post(ORDERS, token, {"items": [items[0], {**items[1], "allotment_key": block["key"]}]})
    check("each its own key", answer.is_refusal(404, "ALLOTMENT_UNKNOWN", item=1), answer)
    check("and all is as before", (facts(engine, stalls), facts(engine, floor)) == ((38, 0, 0, 2), (3, 0, 0, 2)))
    order = engine.post(ORDERS, token, {"items": items})
    check("drawn", order.status == 201 and (facts(engine, stalls), facts(engine, floor)) == ((38, 2, 0, 0), (3, 2, 0, 0)), order)
    check("only once", engine.post(ORDERS, other, {"items": items}).is_refusal(409, "SEAT_UNAVAILABLE", item=0))
    engine.post(f"{ORDERS}/{order.data['order_id']}/cancel", token)
    check("cancelled: back to them", (facts(engine, stalls), facts(engine, floor)) == ((38, 0, 0, 2), (3, 0, 0, 2)))
    order = engine.post(ORDERS, token, {"items": items}).data
    engine.post(f"{ORDERS}/{order['order_id']}/confirm", token)
    engine.restart()
    check("sold", (facts(engine, stalls), facts(engine, floor)) == ((38, 0, 2, 0), (3, 0, 2, 0)))
    for booking in order["bookings"]:
        change(engine, organizer, booking, "refund")
    check("refunded: back to them", (facts(engine, stalls), facts(engine, floor)) == ((38, 0, 0, 2), (3, 0, 0, 2)))


def test_house_holds(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, show, stalls = seated_zone(engine, organizer)
    floor = general_zone(engine, organizer, show, seats=5)
    take(engine, token, stalls, "A-1", "A-2")
    answer = engine.post(blocks_of(stalls), organizer, {"kind": "house_hold", "seats": ["A-2", "A-3"]})
    check("not what is taken", answer.is_refusal(409, "SEAT_UNAVAILABLE", seats=[{"seat": "A-2", "state": "reserved"}]), answer)
    hold = engine.post(blocks_of(stalls), organizer, {"kind": "house_hold", "seats": ["A-5", "A-3", "A-4"]})
    check("held", hold.status == 201 and hold.data["seats"] == ["A-3", "A-4", "A-5"], hold)
    answer = engine.post(blocks_of(stalls), organizer, {"kind": "allotment", "seats": ["A-5", "A-6"]})
    check("not twice", answer.is_refusal(409, "SEAT_UNAVAILABLE", seats=[{"seat": "A-5", "state": "blocked"}]), answer)
    mine = take(engine, token, stalls, "B-1", "B-2").data
    answer = change(engine, token, mine, "exchange", {"seats": ["A-3", "A-4"]})
    check("not by exchange", answer.is_refusal(409, "SEAT_UNAVAILABLE", seats=[
        {"seat": "A-3", "state": "blocked"}, {"seat": "A-4", "state": "blocked"}]), answer)
    room = engine.post(blocks_of(floor), organizer, {"kind": "house_hold", "quantity": 3}).data
    answer = engine.post(blocks_of(floor), organizer, {"kind": "house_hold", "quantity": 3})
    check("not more than is free", answer.is_refusal(409, "INSUFFICIENT_STOCK", requested=3, available=2), answer)
    answer = engine.post(path_of(mine) + "/exchange", token, {"zone_id": floor["id"]})
    check("the rest by exchange", answer.status == 200 and facts(engine, floor) == (0, 2, 0, 3), answer)
    engine.restart()
    check("after a crash", states(engine, stalls) == {"A-1": "reserved", "A-2": "reserved", "A-3": "blocked", "A-4": "blocked",
                                                      "A-5": "blocked"}, states(engine, stalls))
    check("ended", end(engine, organizer, hold.data).status == 200 and end(engine, organizer, room).status == 200)
    check("free", facts(engine, stalls) == (38, 2, 0, 0) and facts(engine, floor) == (3, 2, 0, 0), facts(engine, floor))


def test_close_and_reopen(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    event, show, stalls = seated_zone(engine, organizer)
    floor = general_zone(engine, organizer, show, seats=9)
    block = allot(engine, organizer, floor, quantity=2)
    booking, kept = take(engine, token, stalls, "A-1", "A-2").data, engine.reserve(token, floor, 1).data
    sold = take(engine, token, stalls, "C-1", "C-2").data

    def item(zone):
        return {"zone_id": zone["id"], "quantity": 1}

    def post(what):
        return engine.post(f"{BASE}/zones/{floor['id']}/{what}", organizer)
    check("closed", post("close").data["closed"] is True and post("close").status == 200)
    for claim, answer in (("reserve", engine.reserve(token, floor)), ("draw", draw(engine, token, floor, block, quantity=1)),
                          ("exchange into it", change(engine, token, booking, "exchange", {"zone_id": floor["id"]}))):
        check(claim, answer.is_refusal(409, "SALE_CLOSED"), answer)
    answer = engine.post(ORDERS, token, {"items": [item(stalls), item(floor)]})
    check("an order with it", answer.is_refusal(409, "SALE_CLOSED", item=1), answer)
    check("the other zone sells", take(engine, token, stalls, "B-1", "B-2").status == 201)
    check("what is reserved may be confirmed", change(engine, token, kept, "confirm").status == 200)
    engine.restart()
    check("closed after a crash", engine.zone(floor)["closed"] and engine.reserve(token, floor).code == "SALE_CLOSED")
    check("reopened", post("reopen").data["closed"] is False and post("reopen").status == 200)
    check("it sells", engine.reserve(token, floor).status == 201 and draw(engine, token, floor, block, quantity=1).status == 201)

    def sale(what):
        return engine.post(f"{BASE}/events/{event['id']}/{what}", organizer)
    check("the event's", sale("close").data["sale_closed"] is True)
    check("in every zone", all(engine.reserve(token, zone).code == "SALE_CLOSED" for zone in (stalls, floor)))
    check("in orders", engine.post(ORDERS, token, {"items": [item(stalls)]}).is_refusal(409, "SALE_CLOSED", item=0))
    check("seats may be changed", change(engine, token, sold, "exchange", {"seats": ["D-1", "D-2"]}).status == 200)
    check("and confirmed", change(engine, token, sold, "confirm").status == 200)
    engine.restart()
    check("after a crash", engine.reserve(token, stalls).code == "SALE_CLOSED")
    check("reopened for all", sale("reopen").data["sale_closed"] is False and engine.reserve(token, stalls).status == 201)
    for who, status in ((token, 403), (engine.token("organizer"), 404)):
        check("others neither", all(engine.post(path, who).status == status for path in (
            f"{BASE}/events/{event['id']}/close", f"{BASE}/zones/{floor['id']}/close", f"{BASE}/zones/{floor['id']}/reopen")))


def test_drain(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    zone = floor_of(engine, organizer)

    def capacity(total, drain=None):
        return engine.post(f"{BASE}/zones/{zone['id']}/capacity", organizer, {"total_seats": total, "drain": drain})

    def total():
        seen = engine.zone(zone)
        return seen["total_seats"], seen["available_seats"]
    held, sold = engine.reserve(token, zone, 4).data, engine.reserve(token, zone, 2).data
    block = allot(engine, organizer, zone, quantity=2)
    change(engine, token, sold, "confirm")
    answer = capacity(7)
    check("not below what is used, blocked included", answer.is_refusal(409, "CAPACITY_BELOW_SOLD", held=8), answer)
    answer = capacity(3, True)
    check("draining", answer.status == 200 and (answer.data["total_seats"], answer.data["target_seats"],
                                                answer.data["available_seats"]) == (8, 3, 0), answer)
    check("nothing is for sale", engine.reserve(token, zone).is_refusal(409, "INSUFFICIENT_STOCK", available=0))
    check("but the allotment is", draw(engine, token, zone, block, quantity=1).status == 201 and total() == (8, 0), total())
    change(engine, token, held, "release", {"quantity": 1})
    check("with each that returns", total() == (7, 0), total())
    engine.restart()
    check("after a crash too", total() == (7, 0), total())
    end(engine, organizer, block)
    check("with the rest of a block", total() == (6, 0), total())
    change(engine, token, held, "cancel")
    check("down to the target", total() == (3, 0), total())
    change(engine, organizer, sold, "refund")
    check("there it stays", total() == (3, 2), total())
    check("and sells", engine.reserve(token, zone, 2).status == 201)
    capacity(0, True)
    answer = capacity(5)
    check("another capacity takes its place", (answer.data["total_seats"], answer.data["target_seats"],
                                               answer.data["available_seats"]) == (5, 5, 2), answer)
    _, _, stalls = seated_zone(engine, organizer)
    answer = engine.post(f"{BASE}/zones/{stalls['id']}/capacity", organizer, {"total_seats": 50})
    check("seats have theirs by plan", answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == ["total_seats"], answer)


def test_repeats(engine, check):
    """Every new request of an organizer, with a key, again: at once, after a crash, on other shards."""
    organizer, token, sent = engine.token("organizer"), engine.token(), Repeats(engine)
    event, show, stalls = seated_zone(engine, organizer)
    floor = general_zone(engine, organizer, show, seats=20)
    codes = [uuid.uuid4().hex[:12].upper() for _ in range(2)]

    def made(step, path, **body):
        return sent.send(step, organizer, BASE + path, body)

    def do(name, path):
        return sent.send(name, organizer, BASE + path)
    for code in codes:
        made("station", "/stations", code=code, name="A station")
    made("route", "/routes", name="There", stations=codes)
    evening = made("show", f"/events/{event['id']}/shows", show_date="2030-01-01T20:00:00Z")
    room = made("general zone", f"/shows/{evening['id']}/zones", name="Room", currency="EUR", price=3, total_seats=9)
    engine.reserve(token, room, 2)
    engine.post(f"{BASE}/zones/{room['id']}/capacity", organizer, {"total_seats": 12})
    engine.post(f"{BASE}/zones/{room['id']}/close", organizer)
    trip = made("trip", f"/events/{event['id']}/shows", stops=[
        {"station": code, "departs_at": f"2030-01-01T1{i}:00:00Z"} for i, code in enumerate(codes)])
    made("coach", f"/shows/{trip['id']}/zones", name="Coach", kind="seated", currency="EUR", segment_prices=[5],
         rows=[{"rows": "1..3", "seats": "1..4"}])
    stood = made("allotment", f"/zones/{floor['id']}/blocks", kind="allotment", quantity=4, reason="Partner", expires_at=soon(900))
    block = made("allotment of seats", f"/zones/{stalls['id']}/blocks", kind="allotment", seats=["A-2", "A-1"])
    hold = made("house hold", f"/zones/{stalls['id']}/blocks", kind="house_hold", seats=["D-1"])
    drawn = sent.send("draw", token, RESERVE, {"zone_id": floor["id"], "quantity": 2, "allotment_key": stood["key"]})
    sent.send("draw of seats", token, RESERVE, {"zone_id": stalls["id"], "quantity": 2, "allotment_key": block["key"]})
    for each in (stood, hold):
        sent.send("end", organizer, f"{BASE}/zones/{each['zone_id']}/blocks/{each['id']}", method="DELETE")
    made("capacity", f"/zones/{floor['id']}/capacity", total_seats=30)
    made("drain", f"/zones/{floor['id']}/capacity", total_seats=1, drain=True)
    for what in ("close", "reopen"):
        do(f"{what} a zone", f"/zones/{floor['id']}/{what}")
        do(f"{what} an event", f"/events/{event['id']}/{what}")
    change(engine, token, drawn, "cancel")
    sent.check(check, "at once")
    for shards, when in (("2", "after a crash"), ("3", "on three shards"), ("2", "on two again")):
        engine.settings["ENGINE_SHARDS"] = shards
        engine.restart()
        sent.check(check, when)
    check("and nothing moved", (engine.zone(floor)["total_seats"], facts(engine, stalls)) == (1, (38, 2, 0, 0)),
          (engine.zone(floor), facts(engine, stalls)))
    other = engine.request("POST", f"{BASE}/zones/{floor['id']}/close", organizer, headers=sent.sent[-1][5])
    check("another request with a key", other.is_refusal(422, "IDEMPOTENCY_KEY_REUSED"), other)


if __name__ == "__main__":
    sys.exit(main([value for name, value in list(globals().items()) if name.startswith("test_")],
                  RATE_LIMIT_RESERVE_PER_MINUTE="0"))
