#!/usr/bin/python3
"""Hostile input on every endpoint of seats, changes, orders, blocks, capacity and trips: always a
precise 4xx, never a change of state, never a 5xx."""

import json
import socket
import sys
import uuid

from api import BASE, main
from seating import RESERVE, counts, general_zone, path_of, seated_zone, take

NOT_JSON = (b"", b"[", b"nul", b"[]", b"\"x\"", b"5", b"{\"a\":}", b"{\"quantity\":NaN}", b"{\"quantity\":Infinity}",
            b"{\"quantity\":01}", b"{\"quantity\":1,}", b"\xff\xfe{}", b"{\"\xc3\x28\":1}", b"{}{}", b"{\"a\":\"\x01\"}",
            b"[" * 5000, b"{\"a\":" * 5000, b"{\"seats\":" + b"[" * 3000 + b"]" * 3000 + b"}")
NUMBERS = (-1, -2 ** 63, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 63, 2 ** 64 + 1, 10 ** 30, 0.5, 1e308, "1", True, [], {})
LABELS = ("", "A", "-", "A-", "-1", "A-1 ", " A-1", "a-1", "A-01", "A-11", "Z-1", "A-1\x00", "A-1\n", "A-\"1\"", "A-'1",
          "A-1\u0000B", "\u202eA-1", "\U0001f3ad-1", "Á-1", "A" * 17 + "-1", "A-" + "1" * 4000, "A-1;--", "A--1", "0", "40")
IDS = ("", "x", "0", "null", "../", "%00", "%2e%2e", "00000000-0000-0000-0000-000000000000", "f" * 36, str(uuid.uuid4()),
       str(uuid.uuid4()).upper(), "1" * 3000)


class Hall:
    """A seated and a general zone, and what each of them is."""

    def __init__(self, engine):
        self.engine, self.organizer, self.user = engine, engine.token("organizer"), engine.token()
        self.event, self.show, self.zone = seated_zone(engine, self.organizer, rows=[
            {"rows": "A..D", "seats": "1..10", "accessible": [10]}])
        self.floor = general_zone(engine, self.organizer, self.show)
        self.booking = take(engine, self.user, self.zone, "B-1", "B-2", "B-3", "B-4").data
        self.order = engine.post(BASE + "/orders", self.user, {"items": [
            {"zone_id": self.zone["id"], "seats": ["D-1", "D-2"]}, {"zone_id": self.floor["id"], "quantity": 3}]}).data

    def state(self):
        """All that a refusal may not change. What a refused order had held reads as cancelled."""
        order = self.engine.get(f"{BASE}/orders/{self.order['order_id']}", self.user).data
        return (self.engine.zone(self.zone), self.engine.zone(self.floor),
                self.engine.get(f"{BASE}/zones/{self.zone['id']}/seats").data,
                self.engine.get(path_of(self.booking), self.user).data, order,
                self.engine.get(f"{BASE}/zones/{self.zone['id']}/blocks", self.organizer).data,
                self.engine.get(f"{BASE}/zones/{self.floor['id']}/blocks", self.organizer).data,
                [one for one in self.engine.get(BASE + "/bookings?per_page=100", self.user).data if one["status"] != "cancelled"])

    def writes(self):
        """(path, token, a body that would be right)"""
        booking, order = path_of(self.booking), f"{BASE}/orders/{self.order['order_id']}"
        zone, floor = (f"{BASE}/zones/{z['id']}" for z in (self.zone, self.floor))
        return ((RESERVE, self.user, {"zone_id": self.zone["id"], "seats": ["A-1"], "quantity": 1}),
                (booking + "/confirm", self.user, {"quantity": 1, "seats": ["B-1"], "payment_id": str(uuid.uuid4())}),
                (booking + "/extend", self.user, {"seconds": 5}),
                (booking + "/release", self.user, {"quantity": 1, "seats": ["B-1"]}),
                (booking + "/exchange", self.user, {"seats": ["A-1"], "quantity": 4, "zone_id": self.floor["id"],
                                                    "best_available": True, "allow_split": True}),
                (booking + "/transfer", self.user, {"user_id": str(uuid.uuid4())}),
                (booking + "/refund", self.organizer, {}),
                (BASE + "/orders", self.user, {"items": [{"zone_id": self.floor["id"], "quantity": 1}]}),
                (order + "/confirm", self.user, {"payment_id": str(uuid.uuid4())}),
                (zone + "/blocks", self.organizer, {"kind": "house_hold", "seats": ["A-1"], "quantity": 1, "key": "k",
                                                    "owner_id": str(uuid.uuid4()), "reason": "r", "expires_at": "2031-01-01T00:00:00Z"}),
                (floor + "/capacity", self.organizer, {"total_seats": 100, "drain": True}))


def unchanged(engine, check, hall, attacks):
    """Each attack, (claim, answer): refused, and nothing is other than before."""
    before, wrong = hall.state(), []
    for claim, send in attacks:
        answer = send()
        fine = 400 <= answer.status < 500 and answer.status != 429 and answer.code is not None
        if not fine:
            wrong.append((claim, answer))
    check("each is refused with 4xx", not wrong, wrong[:8])
    after = hall.state()
    check("nothing changed", before == after, [(a, b) for a, b in zip(before, after) if a != b][:2])


def poster(engine, path, token, body):
    # Bodies too long for any route and paths that are none are no part of the contract.
    return lambda: engine.post(path, token, body, contract="//" not in path and len(json.dumps(body, default=str)) < 60000)


def test_what_is_not_json(engine, check):
    hall = Hall(engine)
    # A body may be left out where nothing in it is required; sent, it must be an object.
    unchanged(engine, check, hall, [
        ((path, body[:40]), poster(engine, path, token, body))
        for path, token, _ in hall.writes() for body in NOT_JSON if body and not path.endswith("/refund")])


def test_fields_of_wrong_types(engine, check):
    hall, attacks = Hall(engine), []
    for path, token, right in hall.writes():
        for field, value in right.items():
            wrong = [5, True, {"a": 1}, [[]], [{}], [1, "x"], "\x00", "x" * 70000]
            wrong += NUMBERS if isinstance(value, int) and not isinstance(value, bool) else []
            for bad in wrong:
                if type(bad) is type(value) and isinstance(bad, (int, bool)):
                    continue
                if field == "key" and isinstance(bad, str) and len(bad) == 1:
                    continue
                body = {**right, field: bad}
                if "seats" in body and field != "seats":
                    body.pop("seats")
                attacks.append(((path, field, repr(bad)[:30]), poster(engine, path, token, body)))
    unchanged(engine, check, hall, attacks)


def test_numbers_out_of_range(engine, check):
    hall = Hall(engine)
    booking, zone, floor = path_of(hall.booking), hall.zone["id"], hall.floor["id"]
    cases = []
    for number in NUMBERS + (0,):
        text = json.dumps(number)
        cases += [(RESERVE, hall.user, f'{{"zone_id":"{floor}","quantity":{text}}}'),
                  (RESERVE, hall.user, f'{{"zone_id":"{zone}","quantity":{text}}}'),
                  (booking + "/extend", hall.user, f'{{"seconds":{text}}}'),
                  (booking + "/release", hall.user, f'{{"quantity":{text}}}'),
                  (booking + "/confirm", hall.user, f'{{"quantity":{text}}}'),
                  (BASE + "/orders", hall.user, f'{{"items":[{{"zone_id":"{floor}","quantity":{text}}}]}}'),
                  (f"{BASE}/zones/{floor}/blocks", hall.organizer, f'{{"kind":"house_hold","quantity":{text}}}')]
        if number != 0:
            cases.append((f"{BASE}/zones/{floor}/capacity", hall.organizer, f'{{"total_seats":{text}}}'))
    big = "9" * 4000
    cases += [(RESERVE, hall.user, f'{{"zone_id":"{floor}","quantity":{big}}}'),
              (RESERVE, hall.user, f'{{"zone_id":"{floor}","quantity":1e999999999}}'),
              (RESERVE, hall.user, f'{{"zone_id":"{floor}","quantity":1,"unit_price":-1}}'),
              (RESERVE, hall.user, f'{{"zone_id":"{floor}","quantity":1,"unit_price":{big}}}')]
    unchanged(engine, check, hall, [((path, body[-60:]), poster(engine, path, token, body)) for path, token, body in cases])


def test_labels_of_no_seat(engine, check):
    hall, attacks = Hall(engine), []
    booking, zone = path_of(hall.booking), hall.zone["id"]
    for label in LABELS:
        for path, token, body in ((RESERVE, hall.user, {"zone_id": zone, "seats": [label]}),
                                  (RESERVE, hall.user, {"zone_id": zone, "seats": ["A-5", label]}),
                                  (booking + "/release", hall.user, {"seats": [label]}),
                                  (booking + "/confirm", hall.user, {"seats": [label, "B-1"]}),
                                  (booking + "/exchange", hall.user, {"seats": ["A-1", "A-2", "A-3", label]}),
                                  (BASE + "/orders", hall.user, {"items": [{"zone_id": zone, "seats": [label]}]}),
                                  (f"{BASE}/zones/{zone}/blocks", hall.organizer, {"kind": "house_hold", "seats": [label]})):
            attacks.append(((path, label[:20]), poster(engine, path, token, body)))
    unchanged(engine, check, hall, attacks)


def million(engine, token, zone):
    """The answer to 10^6 seats, which may come before they are all sent."""
    body = b'{"zone_id":"%s","seats":[%s]}' % (zone.encode(), b",".join([b'"A-1"'] * 10 ** 6))
    head = f"POST {RESERVE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n" \
           f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", engine.port), timeout=20) as raw:
        raw.sendall(head.encode() + body[:30000])
        return raw.recv(65536)


def test_lists_of_seats(engine, check):
    hall, attacks = Hall(engine), []
    booking, zone = path_of(hall.booking), hall.zone["id"]
    for seats in ([], ["A-1", "A-1"], ["A-1"] * 33, [f"A-{i}" for i in range(1, 1002)], ["A-1"] * 5000, [None], ["A-1", None],
                  ["A-5", "A-6", "A-5"], "A-1", {"0": "A-1"}):
        for path, token, body in ((RESERVE, hall.user, {"zone_id": zone, "seats": seats}),
                                  (booking + "/release", hall.user, {"seats": seats}),
                                  (booking + "/confirm", hall.user, {"seats": seats}),
                                  (booking + "/exchange", hall.user, {"seats": seats}),
                                  (f"{BASE}/zones/{zone}/blocks", hall.organizer, {"kind": "house_hold", "seats": seats})):
            attacks.append(((path, repr(seats)[:30]), poster(engine, path, token, body)))
    check("a million seats", b" 413 " in million(engine, hall.user, zone).split(b"\r\n")[0])
    unchanged(engine, check, hall, attacks)


def test_ids_in_paths(engine, check):
    hall, attacks = Hall(engine), []
    for one in IDS:
        if "/" in one:
            continue
        for path in ("bookings/%s/confirm", "bookings/%s/extend", "bookings/%s/release", "bookings/%s/exchange",
                     "bookings/%s/refund", "orders/%s/confirm", "orders/%s/cancel", "zones/%s/blocks",
                     "zones/%s/capacity", "zones/%s/close", "zones/%s/reopen"):
            token = hall.organizer if path.startswith("zones") or "refund" in path else hall.user
            body = {"seats": ["B-1"]} if "release" in path else {"total_seats": 5} if "capacity" in path else {}
            attacks.append(((path, one[:20]), poster(engine, f"{BASE}/{path % one}", token, body)))
        for path in ("orders/%s", "zones/%s/seats", "zones/%s/blocks", "bookings/%s"):
            attacks.append(((path, one[:20]), lambda path=path, one=one: engine.get(
                f"{BASE}/{path % one}", hall.organizer, contract=False)))
    unchanged(engine, check, hall, [a for a in attacks if a[0][1] or a[0][0] != "bookings/%s"])


def test_what_is_not_the_callers(engine, check):
    hall = Hall(engine)
    other, rival, admin_elsewhere = engine.token(), engine.token("organizer"), engine.token(tenant=str(uuid.uuid4()))
    attacks = []
    for path, _, right in hall.writes():
        if path in (RESERVE, BASE + "/orders"):
            continue
        body = {"quantity": 1} if path.endswith(("release", "confirm")) and "bookings" in path else right
        if path.endswith("/exchange"):
            body = {"best_available": True}
        if path.endswith("/blocks"):
            body = {"kind": "house_hold", "seats": ["A-1"]}
        for token in (other, rival, admin_elsewhere, None):
            attacks.append(((path, "another"), poster(engine, path, token, body)))
    for path in (path_of(hall.booking), f"{BASE}/orders/{hall.order['order_id']}", f"{BASE}/zones/{hall.zone['id']}/blocks"):
        for token in (other, rival, None):
            attacks.append(((path, "get"), lambda path=path, token=token: engine.get(path, token)))
    for verb in ("close", "reopen", "capacity"):
        attacks.append((verb, poster(engine, f"{BASE}/zones/{hall.zone['id']}/{verb}", hall.user, {"total_seats": 1})))
    unchanged(engine, check, hall, attacks)
    for what in ("confirm", "release", "transfer", "extend"):
        body = {"user_id": str(uuid.uuid4())} if what == "transfer" else {"quantity": 1} if what == "release" else None
        known = engine.post(f"{path_of(hall.booking)}/{what}", other, body)
        unknown = engine.post(f"{BASE}/bookings/{uuid.uuid4()}/{what}", other, body)
        check(f"{what}: another's is as unknown", (known.status, known.code) == (unknown.status, unknown.code) == (
            404, "NOT_FOUND"), (known, unknown))


def test_transfers_that_lead_nowhere(engine, check):
    hall = Hall(engine)
    me = str(uuid.uuid4())
    token = engine.token(user=me)
    booking = take(engine, token, hall.zone, "C-1", "C-2").data
    path = path_of(booking) + "/transfer"
    unchanged(engine, check, hall, [(repr(user)[:40], poster(engine, path, token, {"user_id": user})) for user in (
        me, me.upper(), "", "me", None, 0, "0" * 32, "{" + me + "}", " " + me)] + [
            ("none", poster(engine, path, token, {})), ("no body", poster(engine, path, token, None))])
    check("it is still mine", engine.get(path_of(booking), token).status == 200)


def test_stops(engine, check):
    hall = Hall(engine)
    codes = [uuid.uuid4().hex[:8].upper() for _ in range(3)]
    for code in codes:
        engine.post(BASE + "/stations", hall.organizer, {"code": code, "name": code})
    stops = [{"station": code, "arrives_at": f"2030-01-01T1{i}:00:00Z", "departs_at": f"2030-01-01T1{i}:10:00Z"}
             for i, code in enumerate(codes)]
    stops[0]["arrives_at"], stops[2]["departs_at"] = stops[0]["departs_at"], stops[2]["arrives_at"]
    path = f"{BASE}/events/{hall.event['id']}/shows"
    trip = engine.post(path, hall.organizer, {"stops": stops})
    check("a trip", trip.status == 201, trip)
    coach = engine.post(f"{BASE}/shows/{trip.data['id']}/zones", hall.organizer, {
        "name": "Coach", "price": 5, "currency": "THB", "total_seats": 9}).data
    ways = (("backwards from the last", {"from_stop": codes[2]}), ("to the first", {"to_stop": codes[0]}),
            ("backwards", {"from_stop": codes[2], "to_stop": codes[0]}), ("nowhere", {"from_stop": codes[1], "to_stop": codes[1]}),
            ("unknown", {"from_stop": codes[0], "to_stop": "NOWHERE"}), ("numbers", {"from_stop": 0, "to_stop": 3}),
            ("text", {"from_stop": "", "to_stop": "\x00"}), ("lists", {"from_stop": [codes[0]], "to_stop": {}}))
    attacks = [(claim, poster(engine, RESERVE, hall.user, {"zone_id": coach["id"], "quantity": 1, **way})) for claim, way in ways]
    attacks += [(claim, poster(engine, BASE + "/orders", hall.user, {"items": [{"zone_id": coach["id"], "quantity": 1, **way}]}))
                for claim, way in ways]
    attacks.append(("below the first", poster(engine, RESERVE, hall.user, {"zone_id": coach["id"], "quantity": 1, "from_stop": -1})))
    attacks.append(("a show has no stops", poster(engine, RESERVE, hall.user, {
        "zone_id": hall.floor["id"], "quantity": 1, "from_stop": codes[0], "to_stop": codes[1]})))
    for claim, bad in (("reversed", stops[::-1]), ("one", stops[:1]), ("none", []), ("twice", [stops[0]] * 2), ("66", stops * 22),
                       ("no times", [{"station": c} for c in codes]), ("text", "stops"), ("unknown", [{**stops[0], "station": "X"}, stops[1]])):
        attacks.append((claim, poster(engine, path, hall.organizer, {"stops": bad})))
    for query in ("", f"from={codes[0]}", f"from={codes[0]}&to={codes[0]}&date=2030-01-01", f"from={codes[0]}&to={codes[1]}&date=2030-13-01",
                  f"from={codes[0]}&to={codes[1]}&date=9" * 2, "from=%00&to=%ff&date=%"):
        attacks.append((query, lambda query=query: engine.get(f"{BASE}/trips?{query}")))
    unchanged(engine, check, hall, attacks)
    check("no place of the trip", counts(engine, coach) == (9, 0, 0), counts(engine, coach))


def test_orders_of_anything(engine, check):
    hall = Hall(engine)
    floor = {"zone_id": hall.floor["id"], "quantity": 1}
    stalls = {"zone_id": hall.zone["id"], "seats": ["A-1"]}
    bodies = [{"items": items} for items in (
        [], None, "x", {}, [[]], [None], [5], [floor] * 9, [floor] * 1000, [floor, None], [floor, {}], [stalls, stalls],
        [floor, {**floor, "quantity": 101}], [floor, {**floor, "zone_id": str(uuid.uuid4())}], [floor, {**stalls, "seats": ["B-1"]}],
        [floor, {**floor, "unit_price": 1}], [floor, {**floor, "allotment_key": "no such key"}])]
    bodies += [{}, {"item": [floor]}]
    unchanged(engine, check, hall, [(repr(body)[:60], poster(engine, BASE + "/orders", hall.user, body)) for body in bodies])


def test_conditions_of_the_seat_map(engine, check):
    hall = Hall(engine)
    path = f"{BASE}/zones/{hall.zone['id']}/seats"
    good = engine.get(path)
    for etag in ("", "x", '"', '"" ""', "W/", 'W/"', "*" * 3000, ",", ',,,"x",', '"' + "a" * 5000 + '"', good.headers["ETag"][:-1],
                 good.headers["ETag"][1:], "\t", '"\xe9"'):
        answer = engine.get(path, headers={"If-None-Match": etag})
        check(f"an ETag that is none: {etag[:12]!r}", answer.status == 200 and answer.body == good.body or
              400 <= answer.status < 500, answer)
    check("the right one", engine.get(path, headers={"If-None-Match": good.headers["ETag"]}).status == 304)


def test_plans(engine, check):
    hall = Hall(engine)
    path = f"{BASE}/shows/{hall.show['id']}/zones"
    rows = ([], None, "A", [{}], [[]], [{"rows": "A..", "seats": "1..2"}], [{"rows": "Z..A", "seats": "1..2"}],
            [{"label": "A", "seats": "1..1001"}], [{"rows": "A..Z", "seats": "1..99999999999"}], [{"label": "A", "seats": "2..A"}],
            [{"label": "A", "seats": []}], [{"label": "A", "seats": ["1", "1"]}], [{"label": "A-B", "seats": "1..2"}],
            [{"label": "A", "seats": "1..2"}] * 2, [{"label": "", "seats": "1..2"}], [{"label": "A" * 17, "seats": "1..2"}],
            [{"label": "A\n", "seats": "1..2"}], [{"label": "A", "seats": ["\x7f"]}], [{"label": "A", "seats": "1..3", "gaps_after": [9]}],
            [{"label": "A", "seats": "1..3", "accessible": ["x"]}], [{"label": "A", "seats": "1..3", "accessible": [9]}],
            [{"rows": "1..10000", "seats": "1..1000"}], [{"rows": "1..10001", "seats": "1..1"}],
            [{"label": str(i), "seats": "1..1"} for i in range(10001)])
    base = {"name": "Plan", "price": 5, "currency": "THB", "kind": "seated"}
    before = engine.get(path).data
    unchanged(engine, check, hall, [(repr(one)[:60], poster(engine, path, hall.organizer, {**base, "rows": one})) for one in rows])
    check("no zone was made", engine.get(path).data == before)


TESTS = [value for name, value in list(globals().items()) if name.startswith("test_")]

if __name__ == "__main__":
    sys.exit(main(TESTS, RATE_LIMIT_ENABLED="false", BOOKING_RESERVATION_TTL_SECONDS="600"))
