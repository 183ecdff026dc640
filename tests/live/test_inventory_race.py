#!/usr/bin/env python3
"""Many at the same moment, of numbered seats: one seat, the last seats of a hall, the same seats in
orders, exchanges and transfers, reservations that lapse while others want them."""

import time

from lib import tokens
from lib.cases import check, equal, main
from lib.client import new_id
from lib.crowd import Call, race
from lib.engine import Engine
from lib.sale import Sale, buyer

RESERVE = "/api/v1/bookings/reserve"


def add_hall(sale, rows="A..D", seats="1..10", **more):
    return sale.organizer.post(f"/api/v1/shows/{sale.show}/zones", {
        "name": "Hall", "kind": "seated", "currency": "THB", "price": 1500,
        "rows": [{"rows": rows, "seats": seats}], **more}, key=new_id()).data["id"]


def reserve_call(engine, zone, user=None, **what):
    return Call("POST", RESERVE, {"zone_id": zone, **what}, tokens.mint(engine, user=user or new_id()))


def counted(answers):
    sums = {}
    for answer in answers:
        sums[answer.status, answer.error] = sums.get((answer.status, answer.error), 0) + 1
    return sums


def held(answers):
    """The seats of all that succeeded; no seat twice."""
    seats = [seat for answer in answers if answer.status == 201 for seat in answer.data["seats"]]
    equal(len(set(seats)), len(seats), "a seat has two holders: seats")
    return seats


def counts(sale, zone):
    data = sale.organizer.zone(zone)
    return data["available_seats"], data["reserved_seats"], data["sold_seats"]


def test_one_seat():
    """100 race for one seat: one gets it, 99 hear that it is reserved."""
    for shards in (1, 2):
        engine = Engine(shards=shards).start()
        sale = Sale(engine, seats=())
        hall = add_hall(sale)
        answers = race(engine, [reserve_call(engine, hall, seats=["B-5"]) for _ in range(100)])
        equal(counted(answers), {(201, None): 1, (409, "SEAT_UNAVAILABLE"): 99}, "answers")
        for answer in answers:
            if answer.status == 409:
                equal(answer.details["seats"], [{"seat": "B-5", "state": "reserved"}], "seats")
        equal(counts(sale, hall), (39, 1, 0), "available, reserved, sold")
        equal(engine.stop(), 0, "exit")


def test_the_last_seats():
    """100 want the best of a nearly full hall: it is exactly full, no seat has two holders."""
    engine = Engine(shards=2).start()
    sale = Sale(engine, seats=(), max_per_user=32)
    hall = add_hall(sale)
    first = buyer(engine).post(RESERVE, {"zone_id": hall, "quantity": 10})
    equal(first.status, 201, "ten seats before the race")
    answers = race(engine, [reserve_call(engine, hall, quantity=1) for _ in range(100)])
    equal(counted(answers), {(201, None): 30, (409, "INSUFFICIENT_STOCK"): 70}, "answers")
    equal(len(held(answers + [first])), 40, "seats that are held")
    equal(counts(sale, hall), (0, 40, 0), "available, reserved, sold")
    equal(engine.stop(), 0, "exit")


def test_groups_of_all_sizes():
    """100 groups of 1 to 4, split or not: together they hold no seat twice and no more than there are;
    who was refused was told the truth."""
    engine = Engine(shards=2).start()
    sale = Sale(engine, seats=())
    hall = add_hall(sale, rows="A..F", seats="1..13")
    answers = race(engine, [reserve_call(engine, hall, quantity=1 + i % 4, allow_split=i % 3 == 0)
                            for i in range(100)])
    seats = held(answers)
    equal(counts(sale, hall), (78 - len(seats), len(seats), 0), "available, reserved, sold")
    for answer in answers:
        if answer.status == 201:
            rows = {seat.split("-")[0] for seat in answer.data["seats"]}
            check(len(rows) == 1 or len(answer.data["seats"]) > 1, answer)
        else:
            check(answer.error in ("INSUFFICIENT_STOCK", "SEATS_NOT_TOGETHER"), answer)
    last = race(engine, [reserve_call(engine, hall, quantity=1) for _ in range(78 - len(seats) + 5)])
    equal(len(held(answers + last)), 78, "seats that are held")
    equal(engine.stop(), 0, "exit")


def test_orders_over_each_other():
    """100 orders name the same two seats, in two halls and either order: one has both, no other holds
    anything."""
    engine = Engine(shards=2).start()
    sale = Sale(engine, seats=())
    halls = [add_hall(sale) for _ in range(2)]
    items = [{"zone_id": hall, "seats": ["A-5", "A-6"]} for hall in halls]
    answers = race(engine, [Call("POST", "/api/v1/orders", {"items": items if i % 2 else items[::-1]},
                                 tokens.mint(engine, user=new_id())) for i in range(100)])
    won = [answer for answer in answers if answer.status == 201]
    check(len(won) <= 1, "an order for each of two")
    for answer in answers:
        check(answer.status == 201 or answer.error in ("SEAT_UNAVAILABLE", "OVERLOADED"), answer)
        if answer.error == "SEAT_UNAVAILABLE":
            check(answer.details["item"] in (0, 1), answer)
    for hall in halls:
        equal(counts(sale, hall), (40 - 2 * len(won), 2 * len(won), 0), "available, reserved, sold")
    again = buyer(engine).post("/api/v1/orders", {"items": items})
    equal(again.status, 409 if won else 201, "all that lost are gone, so what is free can be had")
    equal(engine.stop(), 0, "exit")


def test_everything_at_one_booking():
    """Confirms, cancels, releases, extends, exchanges and transfers of one booking at once: each seat has
    one holder or none, and what is counted is what is held."""
    engine = Engine(shards=2).start()
    sale = Sale(engine, seats=(50,))
    hall = add_hall(sale)
    for _ in range(8):
        one, other = buyer(engine), buyer(engine)
        booking = one.post(RESERVE, {"zone_id": hall, "quantity": 4}).data
        path = f"/api/v1/bookings/{booking['booking_id']}"
        verbs = (("confirm", {}), ("confirm", {"quantity": 2}), ("cancel", {}), ("release", {"quantity": 1}), ("extend", {}),
                 ("exchange", {"best_available": True}), ("exchange", {"zone_id": sale.zone}), ("transfer", {"user_id": other.user}))
        answers = race(engine, [Call("POST", f"{path}/{verb}", body, one.token) for verb, body in verbs * 6])
        for answer in answers:
            check(answer.status < 500, answer)
        live = [b for client in (one, other) for b in client.get("/api/v1/bookings").data
                if b["status"] in ("reserved", "confirmed")]
        check(len(live) <= 1, "\n".join(f"{b['booking_id']} {b['status']} {b['quantity']} {b['zone_name']} from {b['exchanged_from']} {b['user_id']} {b['changed_at']} {b['created_at']}" for b in live))
        for zone, total in ((hall, 40), (sale.zone, 50)):
            here = [b for b in live if b["zone_id"] == zone]
            sums = {status: sum(b["quantity"] for b in here if b["status"] == status) for status in ("reserved", "confirmed")}
            available, reserved, sold = counts(sale, zone)
            equal((reserved, sold, available), (sums["reserved"], sums["confirmed"], total - sum(sums.values())), "counts")
        for client, ids in ((one, live), (other, live)):
            summary = client.get(f"/api/v1/bookings/summary?event_id={sale.event}").data
            mine = sum(b["quantity"] for b in ids if b["user_id"] == client.user)
            equal(summary["reserved"] + summary["confirmed"], mine, "tickets that are counted")
        for b in live:  # and gone before the next round
            client = one if b["user_id"] == one.user else other
            if b["status"] == "reserved":
                equal(client.cancel(b["booking_id"]).status, 200, "cancel")
            else:
                equal(sale.organizer.post(f"/api/v1/bookings/{b['booking_id']}/refund").status, 200, "refund")
        equal(counts(sale, hall), (40, 0, 0), "all is free again")
    equal(engine.stop(), 0, "exit")


def test_orders_that_lapse():
    """An order past its deadline cannot be confirmed, all its places can be had again at once."""
    engine = Engine(shards=2, ttl=1).start()
    sale = Sale(engine, seats=(3,), max_per_user=10)
    hall = add_hall(sale)
    one = buyer(engine)
    items = [{"zone_id": hall, "seats": ["A-1", "A-2"]}, {"zone_id": sale.zone, "quantity": 3}]
    order = one.post("/api/v1/orders", {"items": items}, key=new_id())
    equal(order.status, 201, repr(order))
    time.sleep(1.05)
    answers = race(engine, [Call("POST", "/api/v1/orders", {"items": items}, tokens.mint(engine, user=new_id()))])
    equal(answers[0].status, 201, repr(answers[0]))
    late = one.post(f"/api/v1/orders/{order.data['order_id']}/confirm")
    equal((late.status, late.error), (410, "RESERVATION_EXPIRED"), repr(late))
    equal(counts(sale, hall)[1:], (2, 0), "reserved, sold")
    summary = one.get(f"/api/v1/bookings/summary?event_id={sale.event}").data
    equal(summary["reserved"] + summary["confirmed"], 0, "tickets that are counted")
    equal(engine.stop(), 0, "exit")


if __name__ == "__main__":
    main(globals())
