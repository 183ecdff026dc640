"""Everything that can be sold and changed, through the API once: trips, numbered seats, blocks,
capacity, orders, exchanges, refunds."""

from .cases import check, equal
from .client import Client, new_id
from .sale import Sale
from . import tokens


class Inventory:
    """What was made: ids by name, for tests that look for one of them."""

    def __init__(self, engine):
        self.engine = engine
        self.sale = Sale(engine, seats=(200, 50), max_per_user=100, price="1500.00")
        self.organizer = self.sale.organizer
        self.client = Client(engine, tokens.mint(engine, user=new_id()))
        self.ids = {}
        self.after_step = lambda: None

    def made(self, path, body, client=None, status=201):
        answer = (client or self.client).post("/api/v1" + path, body, key=new_id())
        equal(answer.status, status, f"POST {path}: {answer!r}")
        self.after_step()
        return answer.data

    def reserve(self, zone, **more):
        return self.made("/bookings/reserve", {"zone_id": zone, **more})["booking_id"]

    def step(self, booking, verb, body=None):
        return self.made(f"/bookings/{booking}/{verb}", body or {}, status=200)

    def run(self):
        self.seats()
        self.blocks()
        self.capacity()
        self.trip()
        self.orders()
        return self

    def seats(self):
        hall = self.made(f"/shows/{self.sale.show}/zones", {
            "name": "Stalls", "kind": "seated", "currency": "THB", "price": 1500,
            "rows": [{"rows": "A..D", "seats": "1..10", "gaps_after": [5], "accessible": [1]}]},
            self.organizer)["id"]
        self.ids["hall"] = hall
        named = self.reserve(hall, seats=["B-2", "B-3"])
        self.step(named, "exchange", {"seats": ["C-2", "C-3"]})
        self.step(named, "confirm", {"payment_id": new_id()})
        self.ids["seated"] = named
        best = self.reserve(hall, quantity=4, best_available=True)
        self.step(best, "release", {"quantity": 1})
        self.step(best, "confirm", {"quantity": 2})
        refunded = self.reserve(hall, quantity=2)
        self.step(refunded, "confirm")
        answer = self.organizer.post(f"/api/v1/bookings/{refunded}/refund", key=new_id())
        equal(answer.status, 200, repr(answer))
        self.ids["refunded"] = refunded
        self.step(self.reserve(hall, quantity=1), "cancel")

    def blocks(self):
        hall, floor = self.ids["hall"], self.sale.zones[0]
        hold = self.made(f"/zones/{hall}/blocks", {"kind": "house_hold", "seats": ["D-2", "D-3"],
                                                  "reason": "Press, \"front\""}, self.organizer)
        self.ids["held"] = hold["id"]
        allotment = self.made(f"/zones/{floor}/blocks", {"kind": "allotment", "quantity": 30,
                                                        "expires_at": "2031-01-01T00:00:00Z"},
                              self.organizer)
        drawn = self.reserve(floor, quantity=3, allotment_key=allotment["key"])
        self.step(drawn, "confirm")
        self.step(self.reserve(floor, quantity=2, allotment_key=allotment["key"]), "cancel")
        self.ids["allotment"] = allotment["id"]
        ended = self.made(f"/zones/{floor}/blocks", {"kind": "house_hold", "quantity": 4},
                          self.organizer)
        answer = self.organizer.delete(f"/api/v1/zones/{floor}/blocks/{ended['id']}")
        equal(answer.status, 200, repr(answer))
        self.ids["ended"] = ended["id"]

    def capacity(self):
        small = self.sale.zones[1]
        first, second = self.reserve(small, quantity=10), self.reserve(small, quantity=5)
        self.made(f"/zones/{small}/capacity", {"total_seats": 60}, self.organizer, 200)
        drain = self.made(f"/zones/{small}/capacity", {"total_seats": 8, "drain": True},
                          self.organizer, 200)
        equal((drain["total_seats"], drain["target_seats"]), (15, 8))
        self.step(second, "cancel")
        self.step(first, "release", {"quantity": 1})
        self.made(f"/zones/{small}/close", None, self.organizer, 200)
        self.ids["drained"] = small

    def trip(self):
        codes = [new_id()[:8].upper() for _ in range(4)]
        for code in codes:
            self.ids["station"] = self.made("/stations", {"code": code, "name": "To " + code,
                                                          "city": "Dhaka"}, self.organizer)["id"]
        self.ids["route"] = self.made("/routes", {"name": "Main line", "stations": codes},
                                      self.organizer)["id"]
        stops = [{"station": code, "arrives_at": f"2030-01-01T1{at}:00:00Z",
                  "departs_at": f"2030-01-01T1{at}:10:00Z"} for at, code in enumerate(codes)]
        stops[0]["arrives_at"], stops[3]["departs_at"] = (stops[0]["departs_at"],
                                                          stops[3]["arrives_at"])
        trip = self.made(f"/events/{self.sale.event}/shows", {"stops": stops}, self.organizer)["id"]
        train = self.made(f"/shows/{trip}/zones", {
            "name": "Coach", "kind": "general", "currency": "THB", "total_seats": 20,
            "segment_prices": [100, 50.5, 20]}, self.organizer)["id"]
        sleeper = self.made(f"/shows/{trip}/zones", {
            "name": "Sleeper", "kind": "seated", "currency": "THB", "price": 900,
            "rows": [{"label": "1", "seats": "1..6"}]}, self.organizer)["id"]
        self.ids.update(trip=trip, train=train, sleeper=sleeper)
        whole = self.reserve(train, quantity=3, from_stop=codes[0], to_stop=codes[3])
        self.step(whole, "confirm")
        part = self.reserve(train, quantity=4, from_stop=codes[1], to_stop=codes[2])
        self.step(part, "release", {"quantity": 2})
        self.step(self.reserve(sleeper, seats=["1-1"], from_stop=codes[0], to_stop=codes[1]),
                  "confirm")
        self.reserve(sleeper, seats=["1-1"], from_stop=codes[1], to_stop=codes[3])
        block = self.made(f"/zones/{train}/blocks", {"kind": "allotment", "quantity": 5},
                          self.organizer)
        self.reserve(train, quantity=2, from_stop=codes[1], to_stop=codes[3],
                     allotment_key=block["key"])

    def orders(self):
        hall, floor = self.ids["hall"], self.sale.zones[0]
        items = [{"zone_id": hall, "quantity": 2}, {"zone_id": floor, "quantity": 3}]
        order = self.made("/orders", {"items": items})
        self.made(f"/orders/{order['order_id']}/confirm", {"payment_id": new_id()}, status=200)
        self.ids["order"] = order["order_id"]
        self.ids["ordered"] = order["bookings"][1]["booking_id"]
        other = self.made("/orders", {"items": items})
        self.made(f"/orders/{other['order_id']}/cancel", {}, status=200)
        kept = self.made("/orders", {"items": items})
        check(kept["status"] == "reserved", kept)
        moved = self.reserve(floor, quantity=1)
        self.step(moved, "exchange", {"zone_id": hall})
        self.step(self.reserve(floor, quantity=2), "transfer", {"user_id": new_id()})
