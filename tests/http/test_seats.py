#!/usr/bin/python3
"""Seated zones over HTTP: plans as organizers write them with every way to write them
wrong, the map in its forms with its versions, and what organizers change of a zone."""

import json
import struct
import sys
import time
import uuid

from api import BASE, main


def make_show(engine, owner, **event):
    made = engine.post(BASE + "/events", owner, {"title": "Seats " + uuid.uuid4().hex, **event}).data
    show = engine.post(f"{BASE}/events/{made['id']}/shows", owner, {"show_date": "2030-01-01T20:00:00Z"}).data
    engine.post(f"{BASE}/events/{made['id']}/publish", owner)
    return made, show


def make_seated(engine, owner, show, rows, **more):
    return engine.post(f"{BASE}/shows/{show['id']}/zones", owner,
                       {"name": "Stalls", "price": 10, "currency": "EUR", "kind": "seated", "rows": rows, **more})


def seat_map(engine, zone, **query):
    parts = "&".join(f"{name}={value}" for name, value in query.items())
    return engine.get(f"{BASE}/zones/{zone['id']}/seats?{parts}")


def labels(data):
    return [f"{row['label']}-{seat['label']}" for row in data["rows"] for seat in row["seats"]]


def test_plans(engine, check):
    owner = engine.token("organizer")
    _, show = make_show(engine, owner)
    answer = make_seated(engine, owner, show, [
        {"label": "A", "seats": [{"label": "1", "rank": 3, "accessible": True}, {"label": "1b", "gap_before": True}, 2, "x"]},
        {"rows": "B..C", "seats": "1..6", "gaps_after": [2, "4"], "companion": [1], "restricted_view": [6]},
        {"label": "D", "seats": ["5..1", "2..4"], "step": 2, "rank": 7}])
    zone = answer.data
    check("made", answer.status == 201 and (zone["kind"], zone["total_seats"], zone["row_count"]) == ("seated", 21, 4), answer)
    check("all free", (zone["available_seats"], zone["blocked_seats"], zone["closed"]) == (21, 0, False), zone)
    data = seat_map(engine, zone, states="false").data
    check("labels", labels(data) == ["A-1", "A-1b", "A-2", "A-x"] + [f"{r}-{s}" for r in "BC" for s in range(1, 7)] +
          [f"D-{s}" for s in (5, 3, 1, 2, 4)], labels(data))
    first = data["rows"][0]["seats"]
    check("flags", first[0] == {"label": "1", "rank": 3, "accessible": True} and first[1].get("gap_before") is True, first)
    second = data["rows"][1]["seats"]
    check("gaps", [seat.get("gap_before", False) for seat in second] == [False, False, True, False, True, False], second)
    check("lists of labels", second[0].get("companion") and second[5].get("restricted_view"), second)
    check("a row's rank", {seat["rank"] for seat in data["rows"][3]["seats"]} == {7}, data["rows"][3])
    check("ranks by row and middle", [seat["rank"] for seat in second] == [1003, 1002, 1001, 1001, 1002, 1003] or
          [seat["rank"] for seat in second] == [1003, 1002, 1000, 1000, 1002, 1003], second)
    answer = make_seated(engine, owner, show, [{"rows": "1..2", "seats": "1..3"}], focal_point={"x": 0, "y": -3})
    ranks = [seat["rank"] for row in seat_map(engine, answer.data).data["rows"] for seat in row["seats"]]
    check("ranks by distance", ranks == [316, 300, 316, 412, 400, 412], ranks)
    answer = make_seated(engine, owner, show, [{"rows": "Y..AB", "seats": "1..1"}])
    check("after Z comes AA", labels(seat_map(engine, answer.data).data) == ["Y-1", "Z-1", "AA-1", "AB-1"], answer)


def test_bad_plans(engine, check):
    owner = engine.token("organizer")
    _, show = make_show(engine, owner)
    many = [{"rows": "1..1000", "seats": "1..1000"}]
    for claim, rows, field in (
            ("no rows", [], "rows"), ("rows is text", "A", "rows"),
            ("a row is text", ["A"], "rows[0]"), ("zero seats", [{"label": "A", "seats": []}], "rows[0].seats"),
            ("a million seats", many, "rows[0]"), ("over 100,000", [{"rows": "1..101", "seats": "1..1000"}], "rows[0]"),
            ("a long row", [{"label": "A", "seats": "1..1001"}], "rows[0].seats"),
            ("a million in one row", [{"label": "A", "seats": "1..999999"}], "rows[0].seats"),
            ("same row twice", [{"label": "A", "seats": "1..2"}, {"label": "A", "seats": "3..4"}], "rows"),
            ("rows overlap", [{"rows": "A..F", "seats": "1..2"}, {"rows": "F..H", "seats": "1..2"}], "rows"),
            ("same seat twice", [{"label": "A", "seats": [1, 2, 1]}], "rows[0].seats"),
            ("ranges overlap", [{"label": "B", "seats": ["1..4", "4..6"]}], "rows[0].seats"),
            ("empty label", [{"label": "", "seats": "1..2"}], "rows[0].label"),
            ("long label", [{"label": "x" * 17, "seats": "1..2"}], "rows[0].label"),
            ("dash in a row's label", [{"label": "A-1", "seats": "1..2"}], "rows[0]"),
            ("control character", [{"label": "A", "seats": ["a\u0001"]}], "rows[0]"),
            ("no label", [{"seats": "1..2"}], "rows[0].label"),
            ("label and rows", [{"label": "A", "rows": "A..B", "seats": "1..2"}], "rows[0].label"),
            ("bad range of rows", [{"rows": "A..9", "seats": "1..2"}], "rows[0].rows"),
            ("rows backwards", [{"rows": "F..A", "seats": "1..2"}], "rows[0].rows"),
            ("no seats", [{"label": "A"}], "rows[0].seats"), ("seats a number", [{"label": "A", "seats": 5}], "rows[0].seats"),
            ("a seat without label", [{"label": "A", "seats": [{"rank": 1}]}], "rows[0].seats[0].label"),
            ("bad rank", [{"label": "A", "seats": ["1", {"label": "2", "rank": -1}]}], "rows[0].seats[1].rank"),
            ("rank too high", [{"label": "A", "seats": "1..2", "rank": 1000001}], "rows[0].rank"),
            ("flag a word", [{"label": "A", "seats": [{"label": 1, "accessible": "yes"}]}], "rows[0].seats[0].accessible"),
            ("unknown of a seat", [{"label": "A", "seats": [{"label": 1, "colour": 1}]}], "rows[0].seats[0].colour"),
            ("unknown of a row", [{"label": "A", "seats": "1..2", "colour": 1}], "rows[0].colour"),
            ("gap after an unknown", [{"label": "A", "seats": "1..2", "gaps_after": [1, 7]}], "rows[0].gaps_after[1]"),
            ("gap after the last", [{"label": "A", "seats": "1..2", "gaps_after": [2]}], "rows[0].gaps_after[0]"),
            ("accessible a number", [{"label": "A", "seats": "1..2", "accessible": 1}], "rows[0].accessible"),
            ("step 0", [{"label": "A", "seats": "1..2", "step": 0}], "rows[0].step"),
            ("second row at fault", [{"label": "A", "seats": "1..2"}, {"label": "B", "seats": [None]}], "rows[1].seats[0]")):
        answer = make_seated(engine, owner, show, rows)
        check(claim, answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == [field], answer)
    good = [{"label": "A", "seats": "1..2"}]
    for claim, more, field in (("focal point a number", {"focal_point": 1}, "focal_point"),
                               ("focal point of one", {"focal_point": {"x": 1}}, "focal_point"),
                               ("focal point of three", {"focal_point": {"x": 1, "y": 1, "z": 1}}, "focal_point"),
                               ("focal point far off", {"focal_point": {"x": 1, "y": 100001}}, "focal_point"),
                               ("another total", {"total_seats": 3}, "total_seats"),
                               ("segment prices of a concert", {"segment_prices": [10]}, "segment_prices"),
                               ("no price", {"price": None}, "price")):
        answer = make_seated(engine, owner, show, good, **more)
        check(claim, answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == [field], answer)
    check("nothing was made", engine.get(f"{BASE}/shows/{show['id']}/zones").data == [])
    check("general with rows", engine.post(f"{BASE}/shows/{show['id']}/zones", owner, {
        "name": "x", "price": 1, "currency": "EUR", "total_seats": 2, "rows": good}).fields == ["rows"])


def test_keys(engine, check):
    owner, key = engine.token("organizer"), uuid.uuid4().hex
    _, show = make_show(engine, owner)
    path = f"{BASE}/shows/{show['id']}/zones"
    body = {"name": "Stalls", "price": 10, "currency": "EUR", "kind": "seated", "rows": [{"label": "A", "seats": "1..5"}]}
    first = engine.post(path, owner, body, key=key)
    again = engine.post(path, owner, body, key=key)
    check("a repeat", again.body == first.body and again.headers.get("Idempotent-Replayed") == "true", again)
    other = engine.post(path, owner, {**body, "rows": [{"label": "A", "seats": "1..6"}]}, key=key)
    check("other seats with the key", other.is_refusal(422, "IDEMPOTENCY_KEY_REUSED"), other)


def test_map(engine, check):
    owner, user = engine.token("organizer"), engine.token()
    _, show = make_show(engine, owner, max_per_user=100)
    zone = make_seated(engine, owner, show, [{"rows": "A..C", "seats": "1..7"}]).data
    first = seat_map(engine, zone)
    check("all are free", {seat["state"] for row in first.data["rows"] for seat in row["seats"]} == {"free"}, first)
    tag = first.headers["ETag"]
    path = f"{BASE}/zones/{zone['id']}/seats"
    same = engine.get(path + "?", headers={"If-None-Match": tag})
    check("304", same.status == 304 and same.headers["ETag"] == tag and not same.body, same)
    check("in a list", engine.get(path, headers={"If-None-Match": f'"x", W/{tag}'}).status == 304)
    check("another's tag", engine.get(path, headers={"If-None-Match": '"00000000-0123456789abcdef"'}).status == 200)
    check("another view", engine.get(path + "?rows=1", headers={"If-None-Match": tag}).status == 200)
    booked = engine.post(BASE + "/bookings/reserve", user, {"zone_id": zone["id"], "seats": ["B-3", "B-4"]})
    check("reserved", booked.status == 201, booked)
    changed = engine.get(path, headers={"If-None-Match": tag})
    states = {f"{row['label']}-{seat['label']}": seat["state"] for row in changed.data["rows"] for seat in row["seats"]}
    check("a new version", changed.status == 200 and changed.headers["ETag"] != tag, changed)
    check("states", [label for label, state in states.items() if state == "reserved"] == ["B-3", "B-4"], states)
    engine.post(f"{BASE}/bookings/{booked.data['booking_id']}/confirm", user)
    compact = engine.get(path + "?format=compact")
    magic, version, bits, from_stop, to_stop, seats, _, length = struct.unpack("<4sHHHHIII", compact.body[:24])
    check("compact head", (magic, version, bits, from_stop, to_stop, seats, length) == (b"SEAT", 1, 2, 0, 1, 21, 6) and
          compact.headers["Content-Type"] == "application/octet-stream" and len(compact.body) == 30, compact)
    values = [compact.body[24 + i // 4] >> 2 * (i % 4) & 3 for i in range(21)]
    check("two bits a seat", values == [2 if i in (9, 10) else 0 for i in range(21)], values)
    check("compact 304", engine.get(path + "?format=compact", headers={"If-None-Match": compact.headers["ETag"]}).status == 304)
    page = seat_map(engine, zone, row_from=1, rows=1).data
    check("one row", labels(page) == [f"B-{i}" for i in range(1, 8)] and page["next_row"] == 2, page)
    check("past the end", seat_map(engine, zone, row_from=9).data["rows"] == [])
    for query, field in (("format=xml", "format"), ("rows=0", "rows"), ("rows=1001", "rows"), ("row_from=-1", "row_from"),
                         ("from_stop=0", "from_stop"), ("to_stop=1", "to_stop"), ("states=maybe", "states"),
                         ("format=compact&states=false", "states")):
        check(query, engine.get(f"{path}?{query}").fields == [field])
    general = engine.make_zone(owner)[2]
    check("a general zone", seat_map(engine, general).data["rows"] == [])
    check("an unknown zone", engine.get(f"{BASE}/zones/{uuid.uuid4()}/seats").status == 404)
    engine.restart()
    after = engine.get(path, headers={"If-None-Match": changed.headers["ETag"]})
    check("a tag of another process is not ours", after.status == 200, after)
    states = {f"{row['label']}-{seat['label']}": seat["state"] for row in after.data["rows"] for seat in row["seats"]}
    check("sold after a crash", [label for label, state in states.items() if state != "free"] == ["B-3", "B-4"], states)


def test_large(engine, check):
    owner = engine.token("organizer")
    _, show = make_show(engine, owner)
    begun = time.monotonic()
    answer = make_seated(engine, owner, show, [{"rows": "1..500", "seats": "1..200", "gaps_after": [50, 150]}])
    took_ms = (time.monotonic() - begun) * 1000
    check("100,000 seats", answer.status == 201 and answer.data["total_seats"] == 100000, answer)
    print(f"a zone of 100,000 seats was made in {took_ms:.0f} ms")
    zone, seen, row, largest = answer.data, 0, 0, 0
    while row is not None:
        page = seat_map(engine, zone, row_from=row)
        largest = max(largest, len(page.body))
        seen += sum(len(r["seats"]) for r in page.data["rows"])
        row = page.data["next_row"]
    check("all pages are all seats", seen == 100000, seen)
    check("a bounded answer", largest < 400000, largest)
    check("compact", len(seat_map(engine, zone, format="compact").body) == 24 + 25000)
    focal = make_seated(engine, owner, show, [{"rows": "1..100", "seats": "1..100"}], focal_point={"x": 0, "y": -10})
    check("10,000 seats around a point", focal.status == 201, focal)


def test_blocks(engine, check):
    owner, user = engine.token("organizer"), engine.token()
    _, show = make_show(engine, owner)
    zone = make_seated(engine, owner, show, [{"label": "A", "seats": "1..9"}]).data
    path = f"{BASE}/zones/{zone['id']}/blocks"
    hold = engine.post(path, owner, {"kind": "house_hold", "seats": ["A-2", "A-1"], "reason": "Press"})
    check("a house hold", hold.status == 201 and hold.data["seats"] == ["A-1", "A-2"] and hold.data["key"] is None and
          hold.data["active"] and hold.data["reason"] == "Press", hold)
    allotment = engine.post(path, owner, {"kind": "allotment", "seats": ["A-8", "A-9"],
                                          "expires_at": "2031-01-01T00:00:00Z"}, key=uuid.uuid4().hex)
    check("an allotment with its key", allotment.status == 201 and len(allotment.data["key"]) == 22, allotment)
    listed = engine.get(path, owner)
    check("listed, without keys", len(listed.data) == 2 and all("key" not in block for block in listed.data), listed)
    check("blocked counts", engine.zone(zone)["blocked_seats"] == 4 and engine.zone(zone)["available_seats"] == 5)
    taken = engine.post(path, owner, {"kind": "house_hold", "seats": ["A-2", "A-3"]})
    check("not twice", taken.is_refusal(409, "SEAT_UNAVAILABLE"), taken)
    refused = engine.post(BASE + "/bookings/reserve", user, {"zone_id": zone["id"], "seats": ["A-1"]})
    check("not for sale", refused.is_refusal(409, "SEAT_UNAVAILABLE"), refused)
    drawn = engine.post(BASE + "/bookings/reserve", user, {"zone_id": zone["id"], "seats": ["A-8"],
                                                           "allotment_key": allotment.data["key"]})
    check("sold to who has the key", drawn.status == 201, drawn)
    ended = engine.request("DELETE", f"{path}/{hold.data['id']}", owner)
    check("ended", ended.status == 200 and not ended.data["active"], ended)
    check("free again", engine.zone(zone)["blocked_seats"] == 1, engine.zone(zone))
    for claim, body, field in (("no kind", {"seats": ["A-3"]}, "kind"), ("bad kind", {"kind": "x", "seats": ["A-3"]}, "kind"),
                               ("no seats", {"kind": "allotment"}, "seats"),
                               ("unknown seat", {"kind": "allotment", "seats": ["Z-1"]}, "seats"),
                               ("twice the same", {"kind": "allotment", "seats": ["A-3", "A-3"]}, "seats"),
                               ("1,001 seats", {"kind": "allotment", "seats": ["A-3"] * 1001}, "seats"),
                               ("in the past", {"kind": "allotment", "seats": ["A-3"], "expires_at": "2020-01-01T00:00:00Z"},
                                "expires_at")):
        answer = engine.post(path, owner, body)
        check(claim, answer.is_refusal(400, "VALIDATION_ERROR") and answer.fields == [field], answer)
    stranger = engine.token("organizer")
    check("another's zone", engine.get(path, stranger).status == 404 and
          engine.post(path, stranger, {"kind": "allotment", "seats": ["A-3"]}).status == 404)
    check("users", engine.get(path, user).status == 403)
    check("an unknown block", engine.request("DELETE", f"{path}/{uuid.uuid4()}", owner).status == 404)
    general = engine.make_zone(owner, seats=10)[2]
    answer = engine.post(f"{BASE}/zones/{general['id']}/blocks", owner, {"kind": "house_hold", "quantity": 11})
    check("more than there are", answer.is_refusal(409, "INSUFFICIENT_STOCK"), answer)
    check("seats of a general zone", engine.post(f"{BASE}/zones/{general['id']}/blocks", owner,
                                                 {"kind": "house_hold", "seats": ["A-1"]}).fields == ["seats"])


def test_capacity_and_sale(engine, check):
    owner, user = engine.token("organizer"), engine.token()
    event, _, zone = engine.make_zone(owner, seats=10, max_per_user=100)
    engine.reserve(user, zone, 4)
    path = f"{BASE}/zones/{zone['id']}"
    grown = engine.post(path + "/capacity", owner, {"total_seats": 12})
    check("grown", grown.status == 200 and (grown.data["total_seats"], grown.data["available_seats"]) == (12, 8), grown)
    below = engine.post(path + "/capacity", owner, {"total_seats": 3})
    check("not below what is taken", below.is_refusal(409, "CAPACITY_BELOW_SOLD", held=4), below)
    drained = engine.post(path + "/capacity", owner, {"total_seats": 3, "drain": True})
    check("drained", (drained.data["total_seats"], drained.data["target_seats"], drained.data["available_seats"]) == (4, 3, 0),
          drained)
    check("seen", engine.zone(zone)["total_seats"] == 4, engine.zone(zone))
    check("no number", engine.post(path + "/capacity", owner, {"total_seats": "x"}).fields == ["total_seats"])
    engine.post(path + "/capacity", owner, {"total_seats": 20})
    closed = engine.post(path + "/close", owner)
    check("closed", closed.data["closed"] is True and engine.zone(zone)["closed"] is True, closed)
    check("nothing is sold", engine.reserve(user, zone).is_refusal(409, "SALE_CLOSED"))
    check("reopened", engine.post(path + "/reopen", owner).data["closed"] is False)
    check("sold again", engine.reserve(user, zone).status == 201)
    check("another's", engine.post(path + "/close", engine.token("organizer")).status == 404)
    sale = engine.post(f"{BASE}/events/{event['id']}/close", owner)
    check("the event's sale is closed", sale.data["sale_closed"] is True, sale)
    check("in all zones", engine.reserve(user, zone).is_refusal(409, "SALE_CLOSED"))
    check("and reopened", engine.post(f"{BASE}/events/{event['id']}/reopen", owner).data["sale_closed"] is False)
    check("for all", engine.reserve(user, zone).status == 201)
    check("orphans are prevented unless told otherwise", event["prevent_orphans"] is True)
    made = engine.post(BASE + "/events", owner, {"title": "x", "prevent_orphans": False})
    check("told otherwise", made.data["prevent_orphans"] is False, made)


if __name__ == "__main__":
    sys.exit(main([test_plans, test_bad_plans, test_keys, test_map, test_large, test_blocks, test_capacity_and_sale],
                  RATE_LIMIT_RESERVE_PER_MINUTE="0"))
