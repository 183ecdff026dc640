#!/usr/bin/python3
"""Bookings on trips over HTTP on the real engine: places between stops, what the search,
the map and the prices say of them at each step, orders over trips, limits, repeats."""

import itertools
import sys
import time
import uuid

from api import BASE, main
from seating import RESERVE, best, general_zone, path_of, seated_zone, take
from trips import Repeats, Trip

ORDERS = BASE + "/orders"


def change(engine, token, booking, what, body=None):
    return engine.post(f"{path_of(booking)}/{what}", token, body)


def way(from_stop, to_stop):
    return {"from_stop": from_stop, "to_stop": to_stop}


def ride(engine, token, zone, quantity, from_stop, to_stop, **more):
    return engine.post(RESERVE, token, {"zone_id": zone["id"], "quantity": quantity, **way(from_stop, to_stop), **more})


def test_stops_by_every_name(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    trip = Trip(engine, organizer)
    zone = trip.seated([{"rows": "1..9", "seats": "1..1"}])
    names = [(place, station["id"], station["code"]) for place, station in enumerate(trip.stations)]
    for i, (from_stop, to_stop) in enumerate(itertools.product(names[1], names[3])):
        answer = take(engine, token, zone, f"{i + 1}-1", **way(from_stop, to_stop))
        check(f"from {from_stop} to {to_stop}", answer.status == 201 and
              (answer.data["from_stop"], answer.data["to_stop"]) == tuple(
                  {"place": place, "station_id": trip.stations[place]["id"], "code": trip.stations[place]["code"],
                   "name": f"Stop {place}"} for place in (1, 3)), answer)
        check("its segments' price", (answer.data["unit_price"], answer.data["total_amount"]) == (12.5, 12.5), answer)
    stands = trip.standing(9)
    for more, places, price in (({}, (0, 3), 9.25), ({"from_stop": 2}, (2, 3), 3), ({"to_stop": names[1][2]}, (0, 1), 4),
                                ({"from_stop": None, "to_stop": 2}, (0, 2), 6.25)):
        answer = engine.reserve(token, stands, 2, **more)
        check(f"{more} is {places}", answer.status == 201 and price * 2 == answer.data["total_amount"] and
              (answer.data["from_stop"]["place"], answer.data["to_stop"]["place"]) == places, answer)
    booking = answer.data
    for seen in (engine.get(path_of(booking), token).data, engine.get(BASE + "/bookings", token).data[0]):
        check("seen again", all(seen[name] == booking[name] for name in ("from_stop", "to_stop", "total_amount")), seen)


def test_stops_that_are_none(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    trip, other = Trip(engine, organizer), Trip(engine, organizer)
    zone, stands = trip.seated(), trip.standing()
    for claim, more, fields in (
            ("the same stop", way(1, 1), ["to_stop"]), ("backwards", way(2, 1), ["to_stop"]),
            ("backwards by code", way(trip.stations[2]["code"], trip.stations[0]["id"]), ["to_stop"]),
            ("from the last", {"from_stop": 3}, ["to_stop"]), ("to the first", {"to_stop": 0}, ["to_stop"]),
            ("past the last", way(0, 4), ["to_stop"]), ("below the first", way(-1, 2), ["from_stop"]),
            ("half a stop", way(0.5, 2), ["from_stop"]), ("another trip's stations", way(
                other.stations[0]["code"], other.stations[1]["id"]), ["from_stop", "to_stop"]),
            ("an unknown id", way(str(uuid.uuid4()), 1), ["from_stop"]), ("an empty code", way("", 1), ["from_stop"]),
            ("no text", way(True, []), ["from_stop", "to_stop"]), ("far off", way(0, 2**63), ["to_stop"])):
        for where, what in ((zone, {"seats": ["1-1", "1-2"]}), (stands, {"quantity": 2})):
            answer = engine.post(RESERVE, token, {"zone_id": where["id"], **what, **more})
            check(f"{claim}, {where['kind']}", answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == fields, answer)
    answer = engine.post(ORDERS, token, {"items": [{"zone_id": stands["id"], "quantity": 1},
                                                   {"zone_id": zone["id"], "quantity": 1, **way(3, 1)}]})
    check("in an order", answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == ["items[1].to_stop"], answer)
    concert = engine.make_zone(organizer)[2]
    answer = engine.reserve(token, concert, 1, from_stop=0, to_stop=1)
    check("a concert has none", answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == ["from_stop", "to_stop"], answer)
    check("nothing was taken", trip.left(zone) == [12] * 4 and trip.left(stands) == [3] * 4)


def test_a_seat_on_disjoint_ways(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    trip = Trip(engine, organizer)
    zone = trip.seated()
    first = take(engine, token, zone, "1-1", "1-2", **way(0, 1)).data
    check("of the way 10 are left", first["remaining_seats"] == 10, first)
    second = take(engine, other, zone, "1-2", "1-1", **way(1, 3))
    check("the same seats from there on", second.status == 201 and second.data["remaining_seats"] == 10, second)
    for places in ((0, 1), (0, 2), (0, 3), (1, 2), (2, 3)):
        answer = take(engine, token, zone, "1-2", "1-3", **way(*places))
        check(f"not over {places}", answer.is_refusal(
            409, "SEAT_UNAVAILABLE", seats=[{"seat": "1-2", "state": "reserved"}]), answer)
    change(engine, token, first, "confirm")
    check("each way its states", [trip.states(zone, *places) for places in ((0, 1), (1, 2), (2, 3))] ==
          [{"1-1": "sold", "1-2": "sold"}, {"1-1": "reserved", "1-2": "reserved"}, {"1-1": "reserved", "1-2": "reserved"}])
    check("a way over both has them taken", set(trip.states(zone)) == {"1-1", "1-2"}, trip.states(zone))
    check("tickets are counted once each", [engine.zone(zone)[name] for name in (
        "available_seats", "reserved_seats", "sold_seats")] == [10, 2, 2], engine.zone(zone))
    answer = take(engine, token, zone, "1-1", **way(0, 1))
    check("sold is told as such", answer.is_refusal(409, "SEAT_UNAVAILABLE", seats=[{"seat": "1-1", "state": "sold"}]), answer)
    change(engine, other, second.data, "cancel")
    check("free again on its way alone", (trip.states(zone, 1, 3), set(trip.states(zone, 0, 2))) == ({}, {"1-1", "1-2"}))
    answer = take(engine, token, zone, "1-1", "1-2", **way(1, 2))
    check("and sold again for a part of it", answer.status == 201, answer)
    check("best available knows the way", best(engine, other, zone, 6, **way(0, 2)).data["seats"] ==
          [f"2-{i}" for i in range(1, 7)])


def test_standing_places(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    trip = Trip(engine, organizer)
    zone = trip.standing(3)
    first = ride(engine, token, zone, 3, 0, 1)
    check("all of one segment", first.status == 201 and first.data["remaining_seats"] == 0, first)
    second = ride(engine, token, zone, 2, 1, 3)
    check("the next are free", second.status == 201 and second.data["remaining_seats"] == 1, second)
    answer = ride(engine, token, zone, 1, 0, 2)
    check("not over the full one", answer.is_refusal(409, "INSUFFICIENT_STOCK", requested=1, available=0), answer)
    answer = ride(engine, token, zone, 2, 2, 3)
    check("the least of the way", answer.is_refusal(409, "INSUFFICIENT_STOCK", requested=2, available=1), answer)
    check("searched", trip.comes_to(zone, [0, 1, 1, 0]), trip.left(zone))
    seen = engine.zone(zone)
    check("tickets once each", (seen["reserved_seats"], seen["available_seats"]) == (5, 0), seen)
    change(engine, token, first.data, "release", {"quantity": 2})
    check("a part back", trip.comes_to(zone, [2, 1, 1, 1]), trip.left(zone))
    change(engine, token, second.data, "confirm", {"quantity": 1})
    check("a part sold", trip.comes_to(zone, [2, 2, 2, 2]), trip.left(zone))
    capacity = engine.post(f"{BASE}/zones/{zone['id']}/capacity", organizer, {"total_seats": 0, "drain": True})
    check("drained to the fullest segment", (capacity.data["total_seats"], capacity.data["target_seats"]) == (1, 0), capacity)
    check("searched too", trip.comes_to(zone, [0, 0, 0, 0]), trip.left(zone))
    change(engine, token, first.data, "cancel")
    check("another segment still needs it", engine.zone(zone)["total_seats"] == 1, engine.zone(zone))
    change(engine, organizer, second.data, "refund")
    check("and then none", engine.zone(zone)["total_seats"] == 0, engine.zone(zone))


def test_the_search_follows_each_step(engine, check):
    organizer, token, receiver = engine.token("organizer"), engine.token(), str(uuid.uuid4())
    trip = Trip(engine, organizer)
    zone = trip.seated()
    check("prices between stops", [trip.found(zone, *places)["price"] for places in ((0, 1), (1, 2), (0, 2), (0, 3))] ==
          [10, 5.5, 15.5, 22.5])
    booking = take(engine, token, zone, "1-1", "1-2", "1-3", "1-4", **way(0, 2)).data
    check("reserve", trip.comes_to(zone, [8, 8, 12, 8]), trip.left(zone))
    answer = change(engine, token, booking, "release", {"seats": ["1-3", "1-4"]})
    check("release", answer.data["seats"] == ["1-1", "1-2"] and trip.comes_to(zone, [10, 10, 12, 10]), trip.left(zone))
    check("its price", answer.data["total_amount"] == 31, answer)
    take(engine, token, zone, "2-1", "2-2", **way(2, 3))
    check("beside it", trip.comes_to(zone, [10, 10, 10, 8]), trip.left(zone))
    answer = change(engine, token, booking, "exchange", {"seats": ["2-1", "2-2"]})
    check("exchange to seats that are free on its way", answer.status == 200 and answer.data["seats"] == ["2-1", "2-2"] and
          (answer.data["from_stop"]["place"], answer.data["to_stop"]["place"]) == (0, 2), answer)
    check("both on the same seats", trip.comes_to(zone, [10, 10, 10, 10]), trip.left(zone))
    check("the map", (trip.states(zone, 0, 2), trip.states(zone, 2, 3)) == ({"2-1": "reserved", "2-2": "reserved"},) * 2)
    answer = change(engine, token, booking, "confirm", {"seats": ["2-1"]})
    check("confirm a part", answer.data["seats"] == ["2-1"] and trip.comes_to(zone, [11, 11, 10, 10]), trip.left(zone))
    answer = change(engine, token, booking, "transfer", {"user_id": receiver})
    check("transfer", answer.status == 200 and trip.left(zone) == [11, 11, 10, 10], answer)
    check("it keeps its way", engine.get(path_of(booking), engine.token(user=receiver)).data["to_stop"]["place"] == 2)
    answer = change(engine, organizer, booking, "refund")
    check("refund", answer.status == 200 and trip.comes_to(zone, [12, 12, 10, 10]), trip.left(zone))
    engine.restart()
    check("after a crash", trip.left(zone) == [12, 12, 10, 10], trip.left(zone))


def test_expiry_gives_the_way_back(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    trip = Trip(engine, organizer)
    zone, stands = trip.seated(), trip.standing()
    engine.settings["BOOKING_RESERVATION_TTL_SECONDS"] = "2"
    engine.restart()
    booking = take(engine, token, zone, "1-1", "1-2", **way(1, 2)).data
    ride(engine, token, stands, 3, 0, 2)
    engine.settings["BOOKING_RESERVATION_TTL_SECONDS"] = "600"
    check("held", trip.comes_to(zone, [12, 10, 12, 10]) and trip.comes_to(stands, [0, 0, 3, 0]), trip.left(stands))
    check("free", trip.comes_to(zone, [12] * 4) and trip.comes_to(stands, [3] * 4), (trip.left(zone), trip.left(stands)))
    check("expired", engine.get(path_of(booking), token).data["status"] == "expired")
    check("no seat is taken", trip.states(zone) == {}, trip.states(zone))
    check("for sale", take(engine, token, zone, "1-1", "1-2").status == 201 and ride(engine, token, stands, 3, 0, 3).status == 201)
    engine.restart()


def test_the_tightest_gap(engine, check):
    """The best available of a trip fills the holes long journeys cannot use."""
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    trip = Trip(engine, organizer, stops=5)
    zone = trip.seated([{"rows": "1..5", "seats": "1..1"}])
    for seat, places in (("2-1", (2, 3)), ("3-1", (0, 1)), ("4-1", (0, 1)), ("4-1", (2, 3)), ("5-1", (2, 4))):
        check(f"{seat} is taken over {places}", take(engine, other, zone, seat, **way(*places)).status == 201)
    chosen = [best(engine, token, zone, 1, **way(1, 2)).data["seats"] for _ in range(5)]
    check("the smallest gap, then the better rank", chosen == [["4-1"], ["2-1"], ["5-1"], ["3-1"], ["1-1"]], chosen)
    answer = best(engine, token, zone, 1, **way(1, 2))
    check("then none", answer.is_refusal(409, "INSUFFICIENT_STOCK", requested=1, available=0), answer)
    pairs = trip.seated([{"rows": "1..3", "seats": "1..2"}])
    take(engine, other, pairs, "3-1", **way(0, 1))
    take(engine, other, pairs, "2-1", "2-2", **way(0, 1))
    check("the gaps of a pair are added", best(engine, token, pairs, 2, **way(1, 4)).data["seats"] == ["2-1", "2-2"])
    mixed = trip.seated([{"label": "1", "seats": "1..2"}, {"label": "2", "seats": "1..1"}])
    take(engine, other, mixed, "1-1", "1-2", **way(0, 1))
    check("no single seat comes before a gap", best(engine, token, mixed, 1, **way(1, 4)).data["seats"] == ["2-1"])
    check("orphans are those of the way", take(engine, token, mixed, "1-1", **way(1, 2)).status == 201)


def test_exchange_between_classes(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    trip = Trip(engine, organizer)
    coach, stands, equal = trip.seated(), trip.standing(), trip.standing(4, segment_prices=[1, 5.5, 7])
    booking = take(engine, token, coach, "1-1", "1-2", **way(1, 3)).data
    ride(engine, other, stands, 2, 0, 1)
    answer = change(engine, token, booking, "exchange", {"zone_id": stands["id"]})
    check("it keeps its way", answer.status == 200 and (answer.data["from_stop"], answer.data["to_stop"]) ==
          (booking["from_stop"], booking["to_stop"]), answer)
    check("at the way's price there", answer.data["total_amount"] == 10.5, answer)
    check("searched", trip.comes_to(coach, [12] * 4) and trip.comes_to(stands, [1, 1, 1, 1]), trip.left(stands))
    answer = change(engine, token, answer.data, "exchange", {"zone_id": coach["id"], "seats": ["2-5", "2-6"]})
    check("and back to seats", answer.data["seats"] == ["2-5", "2-6"] and answer.data["total_amount"] == 25, answer)
    booking = answer.data
    ride(engine, other, stands, 2, 2, 3)
    answer = change(engine, token, booking, "exchange", {"zone_id": stands["id"]})
    check("full on one segment", answer.is_refusal(409, "INSUFFICIENT_STOCK", requested=2, available=1), answer)
    change(engine, token, booking, "confirm")
    answer = change(engine, token, booking, "exchange", {"zone_id": equal["id"]})
    check("sold: the way costs the same, the whole need not", answer.status == 200 and
          answer.data["status"] == "confirmed" and answer.data["total_amount"] == 25, answer)
    check("all of it moved", trip.comes_to(coach, [12] * 4) and trip.comes_to(equal, [4, 2, 2, 2]), trip.left(equal))
    show = engine.post(f"{BASE}/events/{trip.event['id']}/shows", organizer, {"show_date": "2030-01-01T20:00:00Z"}).data
    dinner = engine.post(f"{BASE}/shows/{show['id']}/zones", organizer, {
        "name": "Dinner", "price": 12.5, "currency": "EUR", "total_seats": 9}).data
    refused = change(engine, token, answer.data, "exchange", {"zone_id": dinner["id"]})
    check("a show without its stops", refused.is_refusal(400, "VALIDATION_ERROR") and refused.fields == ["zone_id"], refused)
    dear = ride(engine, token, equal, 1, 0, 1).data
    change(engine, token, dear, "confirm")
    answer = change(engine, token, dear, "exchange", {"zone_id": coach["id"], "seats": ["1-1"]})
    check("elsewhere it does not", answer.status == 409 and answer.code == "PRICE_CHANGED", answer)
    answer = ride(engine, token, coach, 2, 0, 2, unit_price=10)
    check("a price of another way", answer.is_refusal(409, "PRICE_CHANGED", unit_price=15.5, currency="EUR"), answer)


def later_class(trip, stations):
    """A class of a later trip of the same event, that calls at these of its stations."""
    show = trip.made(f"/events/{trip.event['id']}/shows", {"stops": [
        {"station": station["code"], "arrives_at": f"2030-01-02T{6 + i:02}:00:00Z",
         "departs_at": f"2030-01-02T{6 + i:02}:05:00Z"} for i, station in enumerate(stations)]})
    return trip.made(f"/shows/{show['id']}/zones",
                     {"name": "Later", "currency": "EUR", "total_seats": 5, "price": 9})


def test_exchange_to_another_trip(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    trip = Trip(engine, organizer)
    booking = ride(engine, token, trip.standing(), 2, 1, 3).data
    for claim, stations in (("it does not call where the journey ends", trip.stations[:3]),
                            ("it runs the other way", trip.stations[::-1])):
        answer = change(engine, token, booking, "exchange", {"zone_id": later_class(trip, stations)["id"]})
        check(claim, answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == ["zone_id"], answer)
    answer = change(engine, token, booking, "exchange", {"zone_id": later_class(trip, trip.stations[1:])["id"]})
    check("between the same stations", answer.status == 200 and
          [(answer.data[stop]["place"], answer.data[stop]["station_id"]) for stop in ("from_stop", "to_stop")] ==
          [(place, trip.stations[station]["id"]) for place, station in ((0, 1), (2, 3))], answer)


def test_order_of_both_kinds(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    _, show, stalls = seated_zone(engine, organizer)
    floor = general_zone(engine, organizer, show, seats=5, price=100)
    items = [{"zone_id": stalls["id"], "quantity": 2}, {"zone_id": floor["id"], "quantity": 3, "unit_price": 100}]
    answer = engine.post(ORDERS, token, {"items": items})
    check("both", answer.status == 201 and [len(b["seats"]) for b in answer.data["bookings"]] == [2, 0] and
          answer.data["total_amounts"] == [{"total_amount": 3300, "currency": "THB"}], answer)
    refused = engine.post(ORDERS, other, {"items": items})
    check("neither", refused.is_refusal(409, "INSUFFICIENT_STOCK", item=1, requested=3, available=2), refused)
    check("the seats went back", engine.zone(stalls)["available_seats"] == 38, engine.zone(stalls))
    theirs = engine.get(BASE + "/bookings", other).data
    check("what was held reads cancelled", all(b["status"] == "cancelled" for b in theirs), theirs)
    engine.post(f"{ORDERS}/{answer.data['order_id']}/cancel", token)
    check("again for all", engine.post(ORDERS, other, {"items": items}).status == 201)


def test_order_over_two_trips(engine, check):
    organizer, token, other = engine.token("organizer"), engine.token(), engine.token()
    out, home = Trip(engine, organizer), Trip(engine, organizer, stops=5)
    coach, stands = out.seated(), home.standing(2)
    items = [{"zone_id": coach["id"], "seats": ["1-1", "1-2"], **way(0, 2)},
             {"zone_id": stands["id"], "quantity": 2, **way(home.stations[1]["code"], home.stations[4]["id"])}]
    answer = engine.post(ORDERS, token, {"items": items})
    check("there and back", answer.status == 201 and [(b["from_stop"]["place"], b["to_stop"]["place"], b["unit_price"])
          for b in answer.data["bookings"]] == [(0, 2, 15.5), (1, 4, 6.25)], answer)
    check("searched", out.comes_to(coach, [10, 10, 12, 10]) and home.comes_to(stands, [2, 0, 0, 0, 0]), home.left(stands))
    refused = engine.post(ORDERS, other, {"items": [{**items[0], **way(2, 3)}, {**items[1], **way(0, 2)}]})
    check("no way back, no way there", refused.is_refusal(409, "INSUFFICIENT_STOCK", item=1), refused)
    check("nothing of it stays", out.comes_to(coach, [10, 10, 12, 10]), out.left(coach))
    check("disjoint ones", engine.post(ORDERS, other, {"items": [{**items[0], **way(2, 3)}, {**items[1], **way(0, 1)}]})
          .status == 201)
    check("twice the same seat in one", engine.post(ORDERS, token, {"items": [
        {"zone_id": coach["id"], "seats": ["2-1", "2-2"], **way(*places)} for places in ((0, 1), (1, 3))]}).status == 201)
    answer = engine.post(ORDERS, token, {"items": [
        {"zone_id": coach["id"], "seats": ["2-5", "2-6"], **way(*places)} for places in ((0, 2), (1, 3))]})
    check("but not at once", answer.is_refusal(409, "SEAT_UNAVAILABLE", item=1), answer)
    check("nor is a half held", "2-5" not in out.states(coach), out.states(coach))


def test_one_limit_over_everything(engine, check):
    organizer, someone = engine.token("organizer"), str(uuid.uuid4())
    me, mine = str(uuid.uuid4()), None
    token, theirs = engine.token(user=me), engine.token(user=someone)
    trip = Trip(engine, organizer, max_per_user=6)
    coach, stands = trip.seated(), trip.standing(9)

    def used(who=token):
        summary = engine.get(f"{BASE}/bookings/summary?event_id={trip.event['id']}", who).data
        return summary["reserved"], summary["confirmed"], summary["remaining"]
    order = engine.post(ORDERS, token, {"items": [{"zone_id": coach["id"], "quantity": 2, **way(0, 1)},
                                                  {"zone_id": stands["id"], "quantity": 2, **way(2, 3)}]}).data
    mine = ride(engine, token, stands, 1, 0, 1).data
    check("an order and a booking", used() == (5, 0, 1), used())
    answer = ride(engine, token, stands, 2, 1, 2)
    check("disjoint ways are tickets all the same", answer.is_refusal(409, "MAX_PER_USER_EXCEEDED", limit=6, held=5), answer)
    answer = engine.post(ORDERS, token, {"items": [{"zone_id": stands["id"], "quantity": 1}] * 2})
    check("orders too", answer.status == 409 and answer.code == "MAX_PER_USER_EXCEEDED", answer)
    check("given away", change(engine, token, mine, "transfer", {"user_id": someone}).status == 200 and used() == (4, 0, 2))
    check("taken up", used(theirs) == (1, 0, 5), used(theirs))
    engine.post(f"{ORDERS}/{order['order_id']}/confirm", token)
    check("sold counts", used() == (0, 4, 2), used())
    check("a sold part is given", change(engine, token, order["bookings"][0], "transfer", {"user_id": someone}).status == 200)
    check("and counts there", (used(), used(theirs)) == ((0, 2, 4), (1, 2, 3)), (used(), used(theirs)))
    fill = ride(engine, theirs, stands, 3, 1, 2)
    check("to the brim", fill.status == 201 and used(theirs) == (4, 2, 0), used(theirs))
    answer = change(engine, token, order["bookings"][1], "transfer", {"user_id": someone})
    check("no more for them", answer.status == 409 and answer.code == "MAX_PER_USER_EXCEEDED", answer)
    check("refunded", change(engine, organizer, order["bookings"][0], "refund").status == 200)
    check("leaves the owner's count", used(theirs) == (4, 0, 2), used(theirs))
    check("so it fits", change(engine, token, order["bookings"][1], "transfer", {"user_id": someone}).status == 200)
    check("nothing is mine", (used(), used(theirs)) == ((0, 0, 6), (4, 2, 0)), (used(), used(theirs)))
    engine.restart()
    check("after a crash", (used(), used(theirs)) == ((0, 0, 6), (4, 2, 0)), (used(), used(theirs)))


def test_steps_follow_at_once(engine, check):
    """Each step of an exchange or an order rests on a record; with nothing else to do, its
    flush must not wait for the worker's next look at the clock, a quarter of a second on."""
    organizer, token = engine.token("organizer"), engine.token()
    _, show, stalls = seated_zone(engine, organizer)
    floor = general_zone(engine, organizer, show)
    took = {"exchange": [], "confirm": [], "cancel": []}
    engine.settings["ENGINE_SHARDS"] = "1"  # where nobody else wakes the worker
    engine.restart()

    def timed(what, path, body=None):
        begun = time.monotonic()
        answer = engine.post(path, token, body)
        took[what].append(time.monotonic() - begun)
        assert answer.status == 200, answer
    for _ in range(6):
        booking = engine.reserve(token, floor, 2).data
        timed("exchange", path_of(booking) + "/exchange", {"zone_id": stalls["id"], "best_available": True})
        for what in ("confirm", "cancel"):
            order = engine.post(ORDERS, token, {"items": [{"zone_id": floor["id"], "quantity": 1}]}).data
            timed(what, f"{ORDERS}/{order['order_id']}/{what}")
    engine.settings["ENGINE_SHARDS"] = "2"
    engine.restart()
    for what, seconds in took.items():
        check(f"{what}, most of the time", sorted(seconds)[len(seconds) // 2] < 0.15, seconds)


def test_repeats(engine, check):
    """Every new request of a buyer, with a key, again: at once, after a crash, on other shards."""
    organizer, token, stranger = engine.token("organizer"), engine.token(), str(uuid.uuid4())
    trip, sent = Trip(engine, organizer), Repeats(engine)
    coach, stands, back = trip.seated(), trip.standing(20), Trip(engine, organizer).standing(20)

    def reserve(name, zone, **more):
        return sent.send(name, token, RESERVE, {"zone_id": zone["id"], **more})

    def act(booking, what, body=None, who=token):
        return sent.send(what, who, f"{path_of(booking)}/{what}", body)
    named = reserve("named seats", coach, seats=["1-2", "1-1"], **way(0, 2))
    chosen = reserve("best available", coach, quantity=2, from_stop=trip.stations[2]["code"])
    stood = reserve("standing", stands, quantity=4, to_stop=trip.stations[1]["id"])
    act(named, "extend", {"seconds": 700})
    act(stood, "release", {"quantity": 1})
    act(named, "exchange", {"seats": ["2-1", "2-2"]})
    act(stood, "confirm", {"quantity": 2, "payment_id": str(uuid.uuid4())})
    moved = act(chosen, "exchange", {"zone_id": stands["id"]})
    act(moved, "cancel")
    act(stood, "refund", who=organizer)
    act(named, "transfer", {"user_id": stranger})
    items = [{"zone_id": coach["id"], "quantity": 2, **way(0, 1)}, {"zone_id": back["id"], "quantity": 1, **way(1, 3)}]
    first, second = (sent.send(name, token, ORDERS, {"items": items}) for name in ("order", "another order"))
    sent.send("confirm order", token, f"{ORDERS}/{first['order_id']}/confirm")
    sent.send("cancel order", token, f"{ORDERS}/{second['order_id']}/cancel")

    def stays():
        return trip.comes_to(coach, [8, 10, 12, 8]) and trip.comes_to(stands, [20] * 4)
    check("what is taken in the end", stays(), (trip.left(coach), trip.left(stands)))
    sent.check(check, "at once")
    again = engine.post(RESERVE, token, {"zone_id": coach["id"], "seats": ["1-1", "1-2"], **way(*(
        trip.stations[place]["code"] for place in (0, 2)))}, headers=sent.sent[0][5])
    check("a stop by another name is the same", (again.status, again.body) == (201, sent.sent[0][6].body), again)
    for places in ((0, 1), (0, 3), (1, 2)):
        again = engine.post(RESERVE, token, {"zone_id": coach["id"], "seats": ["1-1", "1-2"], **way(*places)},
                            headers=sent.sent[0][5])
        check(f"{places} is another request", again.is_refusal(422, "IDEMPOTENCY_KEY_REUSED"), again)
    for shards, when in (("2", "after a crash"), ("3", "on three shards"), ("1", "on one"), ("2", "on two again")):
        engine.settings["ENGINE_SHARDS"] = shards
        engine.restart()
        sent.check(check, when)
    check("and nothing moved", stays(), (trip.left(coach), trip.left(stands)))


if __name__ == "__main__":
    sys.exit(main([value for name, value in list(globals().items()) if name.startswith("test_")],
                  RATE_LIMIT_RESERVE_PER_MINUTE="0", BOOKING_HOLD_EXTEND_MAX_SECONDS="1800"))
