#!/usr/bin/python3
"""Stations, routes and trips over HTTP, and the search for trips against a scan of all
of them."""

import datetime
import random
import sys
import time
import uuid

from api import BASE, main

ZERO = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)


def moment(minutes):
    return (ZERO + datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def make_stations(engine, owner, count):
    prefix = uuid.uuid4().hex[:8].upper()
    return [engine.post(BASE + "/stations", owner, {"code": f"{prefix}-{i}", "name": f"Station {i}"}).data
            for i in range(count)]


def make_event(engine, owner, publish=True):
    event = engine.post(BASE + "/events", owner, {"title": "Line " + uuid.uuid4().hex, "max_per_user": 100}).data
    if publish:
        engine.post(f"{BASE}/events/{event['id']}/publish", owner)
    return event


def make_trip(engine, owner, event, stops, **more):
    return engine.post(f"{BASE}/events/{event['id']}/shows", owner, {
        "stops": [{"station": code, "arrives_at": arrives, "departs_at": departs} for code, arrives, departs in stops],
        **more})


def search(engine, one, other, date, **more):
    query = "".join(f"&{name}={value}" for name, value in more.items())
    return engine.get(f"{BASE}/trips?from={one['code']}&to={other['code']}&date={date}{query}")


def test_stations_and_routes(engine, check):
    owner = engine.token("organizer")
    a, b, c = make_stations(engine, owner, 3)
    check("a station", (a["name"], a["city"]) == ("Station 0", None), a)
    again = engine.post(BASE + "/stations", owner, {"code": a["code"], "name": "Other"})
    check("a code is taken once", again.is_refusal(409, "INVALID_STATE", field="code"), again)
    for claim, body, field in (("no code", {"name": "x"}, "code"), ("small letters", {"code": "abc", "name": "x"}, "code"),
                               ("a long code", {"code": "A" * 17, "name": "x"}, "code"),
                               ("an empty code", {"code": "", "name": "x"}, "code"), ("no name", {"code": "ZZZ"}, "name")):
        check(claim, engine.post(BASE + "/stations", owner, body).fields == [field])
    check("users make none", engine.post(BASE + "/stations", engine.token(), {"code": "ZZZ", "name": "x"}).status == 403)
    route = engine.post(BASE + "/routes", owner, {"name": "A line", "stations": [a["code"], b["id"], c["code"]]})
    check("a route", route.status == 201 and [s["code"] for s in route.data["stations"]] == [x["code"] for x in (a, b, c)], route)
    for claim, stations, field in (("one station", [a["code"]], "stations"), ("unknown", [a["code"], "NOWHERE"], "stations[1]"),
                                   ("twice", [a["code"], b["code"], a["id"]], "stations[2]"),
                                   ("a number", [a["code"], 5], "stations[1]"), ("66", [a["code"]] * 66, "stations")):
        answer = engine.post(BASE + "/routes", owner, {"name": "x", "stations": stations})
        check(claim, answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == [field], answer)
    key = uuid.uuid4().hex
    body = {"name": "Again", "stations": [c["code"], a["code"]]}
    first, repeat = (engine.post(BASE + "/routes", owner, body, key=key) for _ in range(2))
    check("a repeat", first.body == repeat.body and repeat.headers.get("Idempotent-Replayed") == "true", repeat)
    engine.restart()
    check("after a crash", engine.post(BASE + "/routes", owner, body, key=key).body == first.body)
    codes = [s["code"] for s in engine.get(BASE + "/stations?per_page=100").data]
    check("listed", a["code"] in codes and c["code"] in codes, codes)
    check("routes too", route.data in engine.get(BASE + "/routes?per_page=100").data)


def test_trip(engine, check):
    owner, user = engine.token("organizer"), engine.token()
    a, b, c = make_stations(engine, owner, 3)
    event = make_event(engine, owner)
    stops = [(a["code"], None, moment(0)), (b["code"], moment(60), moment(65)), (c["code"], moment(120), None)]
    trip = make_trip(engine, owner, event, stops, name="The early one")
    check("a trip", trip.status == 201 and len(trip.data["stops"]) == 3 and trip.data["show_date"] == moment(0) and
          trip.data["stops"][2]["departs_at"] == moment(120), trip)
    path = f"{BASE}/shows/{trip.data['id']}/zones"
    seated = engine.post(path, owner, {"name": "First", "currency": "EUR", "kind": "seated", "segment_prices": [10, 5.50],
                                       "rows": [{"label": "1", "seats": "1..10"}]})
    check("segment prices", seated.data["segment_prices"] == [10, 5.5] and seated.data["price"] == 15.5, seated)
    engine.post(path, owner, {"name": "Standing", "price": 8, "currency": "EUR", "total_seats": 50})
    for claim, more, field in (("too few prices", {"segment_prices": [1]}, "segment_prices"),
                               ("too many", {"segment_prices": [1, 2, 3]}, "segment_prices"),
                               ("a word", {"segment_prices": [1, "2"]}, "segment_prices[1]"),
                               ("negative", {"segment_prices": [-1, 2]}, "segment_prices[0]"),
                               ("a sum that overflows", {"segment_prices": [900000000000000, 1]}, "segment_prices"),
                               ("another price", {"segment_prices": [1, 2], "price": 4}, "price")):
        answer = engine.post(path, owner, {"name": "x", "currency": "EUR", "total_seats": 5, **more})
        check(claim, answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == [field], answer)
    found = search(engine, a, b, "2030-01-01").data
    check("found", len(found) == 1 and found[0]["show_id"] == trip.data["id"] and
          (found[0]["departs_at"], found[0]["arrives_at"]) == (moment(0), moment(60)), found)
    check("classes", [(x["name"], x["price"], x["available_seats"]) for x in found[0]["classes"]] ==
          [("First", 10, 10), ("Standing", 8, 50)], found)
    booked = engine.post(BASE + "/bookings/reserve", user, {"zone_id": seated.data["id"], "seats": ["1-1", "1-2"],
                                                            "from_stop": 0, "to_stop": 1})
    check("sold for a part", booked.status == 201 and booked.data["unit_price"] == 10, booked)

    def left(one, other):
        return search(engine, one, other, "2030-01-01").data[0]["classes"][0]["available_seats"]
    deadline = time.monotonic() + 5
    while (left(a, b), left(b, c), left(a, c)) != (8, 10, 8) and time.monotonic() < deadline:
        time.sleep(0.05)
    check("left between stops", (left(a, b), left(b, c), left(a, c)) == (8, 10, 8), (left(a, b), left(b, c), left(a, c)))
    seats = f"{BASE}/zones/{seated.data['id']}/seats"
    states = [[seat["state"] for seat in engine.get(seats + query).data["rows"][0]["seats"]].count("reserved")
              for query in ("?from_stop=0&to_stop=1", f"?from_stop={b['code']}", "?to_stop=2", "")]
    check("states on a way", states == [2, 0, 2, 2], states)
    for query in ("?from_stop=1&to_stop=1", "?from_stop=2&to_stop=1", f"?from_stop={c['code']}&to_stop={a['code']}",
                  "?to_stop=3", "?from_stop=x"):
        check(f"refused: {query}", engine.get(seats + query).status == 400)
    check("the other way", search(engine, b, a, "2030-01-01").data == [])
    engine.restart()
    check("after a crash", (left(a, b), left(b, c), left(a, c)) == (8, 10, 8), (left(a, b), left(b, c), left(a, c)))


def test_bad_trips(engine, check):
    owner = engine.token("organizer")
    a, b, c = (station["code"] for station in make_stations(engine, owner, 3))
    event = make_event(engine, owner)
    route = engine.post(BASE + "/routes", owner, {"name": "A to C", "stations": [a, b, c]}).data
    good = [(a, None, moment(0)), (b, moment(60), None), (c, moment(120), None)]
    for claim, stops, more, field in (
            ("one stop", good[:1], {}, "stops"), ("66 stops", good * 22, {}, "stops"),
            ("unknown station", [good[0], ("NOWHERE", moment(60), None)], {}, "stops[1].station"),
            ("no station", [good[0], (None, moment(60), None)], {}, "stops[1].station"),
            ("a station twice", [good[0], good[1], (a, moment(99), None)], {}, "stops[2].station"),
            ("no time", [good[0], (b, None, None)], {}, "stops[1].departs_at"),
            ("a bad time", [good[0], (b, "noon", None)], {}, "stops[1].arrives_at"),
            ("departs before it arrives", [good[0], (b, moment(60), moment(59)), good[2]], {}, "stops[1]"),
            ("arrives before it departed", [(a, None, moment(61)), good[1]], {}, "stops[1]"),
            ("another route", [good[1], good[0], good[2]], {"route_id": route["id"]}, "stops[0].station"),
            ("a shorter way than the route's", good[:2], {"route_id": route["id"]}, "stops"),
            ("an unknown route", good, {"route_id": str(uuid.uuid4())}, "route_id")):
        answer = make_trip(engine, owner, event, stops, **more)
        check(claim, answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == [field], answer)
    answer = engine.post(f"{BASE}/events/{event['id']}/shows", owner, {"route_id": route["id"]})
    check("a route without times", answer.fields == ["stops"], answer)
    check("neither date nor stops", engine.post(f"{BASE}/events/{event['id']}/shows", owner, {}).fields == ["show_date"])
    check("nothing was made", engine.get(f"{BASE}/events/{event['id']}/shows").data == [])
    answer = engine.post(f"{BASE}/events/{event['id']}/shows", owner, {
        "route_id": route["id"], "stops": [{"departs_at": moment(n)} for n in (0, 60, 120)]})
    check("by a route", answer.status == 201 and [s["code"] for s in answer.data["stops"]] == [a, b, c], answer)


def test_search_against_a_scan(engine, check):
    owner, dice = engine.token("organizer"), random.Random(7)
    stations, event, draft = make_stations(engine, owner, 6), make_event(engine, owner), make_event(engine, owner, False)
    trips = []
    for number in range(120):
        minutes, stops = dice.randrange(0, 4 * 1440, 30), []
        for station in dice.sample(stations, dice.randint(2, 6)):
            arrives, departs = minutes, minutes + dice.choice((0, 10, 300))
            stops.append((station["code"], arrives, departs))
            minutes = departs + dice.randrange(30, 600, 30)
        of = draft if number % 10 == 0 else event
        made = make_trip(engine, owner, of, [(code, moment(arrives), moment(departs)) for code, arrives, departs in stops])
        trips.append((made.data["id"], of is draft, stops))
    faults = []
    for one in stations:
        for other in stations:
            for day, offset in ((0, 0), (1, 0), (2, 6), (3, -5), (5, 0)):
                if one is other:
                    continue
                since = day * 1440 - offset * 60
                wanted = []
                for trip, hidden, stops in trips:
                    codes = [code for code, _, _ in stops]
                    if hidden or one["code"] not in codes or other["code"] not in codes:
                        continue
                    departs = stops[codes.index(one["code"])][2]
                    if codes.index(one["code"]) < codes.index(other["code"]) and since <= departs < since + 1440:
                        wanted.append((moment(departs), trip))
                date = (ZERO + datetime.timedelta(days=day)).strftime("%Y-%m-%d")
                more = {"tz_offset": f"{'%2B' if offset > 0 else '-'}{abs(offset):02}:00"} if offset else {}
                answer = search(engine, one, other, date, per_page=100, **more)
                found = [(trip["departs_at"], trip["show_id"]) for trip in answer.data]
                if sorted(found) != sorted(wanted) or [f[0] for f in found] != sorted(f[0] for f in found):
                    faults.append((one["code"], other["code"], date, offset, len(found), len(wanted)))
    check("every search finds what a scan finds, in order", not faults, faults[:3])
    one, other = stations[:2]
    whole = search(engine, one, other, "2030-01-02", per_page=100)
    pages = [search(engine, one, other, "2030-01-02", per_page=2, page=page).data for page in range(1, 60)]
    check("pages", sum(pages, []) == whole.data and whole.json["meta"]["total"] == len(whole.data))
    for query, field in ((f"to={other['code']}&date=2030-01-01", "from"), (f"from={one['code']}&date=2030-01-01", "to"),
                         (f"from={one['code']}&to={other['code']}", "date"),
                         (f"from={one['code']}&to={other['code']}&date=2030-02-30", "date"),
                         (f"from={one['code']}&to={other['code']}&date=tomorrow", "date"),
                         (f"from={one['code']}&to={other['code']}&date=2030-01-01&tz_offset=6", "tz_offset"),
                         (f"from={one['code']}&to={one['code']}&date=2030-01-01", "to"),
                         (f"from=NOWHERE&to={one['code']}&date=2030-01-01", "from")):
        answer = engine.get(f"{BASE}/trips?{query}")
        check(query.replace(one["code"], "A").replace(other["code"], "B"), answer.fields == [field], answer)


if __name__ == "__main__":
    sys.exit(main([test_stations_and_routes, test_trip, test_bad_trips, test_search_against_a_scan],
                  RATE_LIMIT_RESERVE_PER_MINUTE="0"))
