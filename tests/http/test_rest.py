#!/usr/bin/python3
"""Bookings over HTTP on the real engine: every operation, every refusal, idempotency,
and which refusal comes first. J and N rows are those of the attack list."""

import concurrent.futures
import json
import sys
import time
import uuid

from api import BASE, main

LIST = BASE + "/bookings"
RESERVE = LIST + "/reserve"


def test_life_of_a_booking(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    event, show, zone = engine.make_zone(organizer)
    answer = engine.reserve(token, zone, 2, unit_price=1500, show_id=show["id"], event_id=event["id"])
    check("201", answer.status == 201, answer)
    booking = answer.data
    check("it is what was asked for", (booking["status"], booking["quantity"], booking["zone_id"],
                                       booking["show_id"], booking["event_id"]) ==
          ("reserved", 2, zone["id"], show["id"], event["id"]), answer)
    check("money has the currency's decimals", b'"unit_price":1500.00,"total_amount":3000.00,' in answer.body, answer)
    check("what remains", booking["remaining_seats"] == 98, answer)
    check("a position", ":" in answer.headers.get("X-Log-Position", ""), answer.headers)
    check("live counts", [engine.zone(zone)[n] for n in ("available_seats", "reserved_seats", "sold_seats")] ==
          [98, 2, 0], engine.zone(zone))
    path = f"{BASE}/bookings/{booking['booking_id']}"
    check("get", engine.get(path, token).data["status"] == "reserved")
    check("pending", [b["booking_id"] for b in engine.get(BASE + "/bookings/pending", token).data] ==
          [booking["booking_id"]])
    payment = str(uuid.uuid4())
    check("confirm", engine.post(path + "/confirm", token, {"payment_id": payment}).data["status"] == "confirmed")
    check("confirm again", engine.post(path + "/confirm", token).data["status"] == "confirmed")
    check("sold", [engine.zone(zone)[n] for n in ("available_seats", "reserved_seats", "sold_seats")] == [98, 0, 2])
    check("no longer pending", engine.get(BASE + "/bookings/pending", token).data == [])
    seen = engine.get(path, token).data
    check("names", seen["event_title"] == event["title"] and seen["zone_name"] == "Floor", seen)
    summary = engine.get(f"{BASE}/bookings/summary?event_id={event['id']}", token).data
    check("summary", summary == {"max_per_user": 4, "reserved": 0, "confirmed": 2, "remaining": 2, "bookings": 1},
          summary)
    answer = engine.request("DELETE", path, token)
    check("a confirmed booking is not cancelled but refunded",
          answer.is_refusal(409, "INVALID_STATE", status="confirmed"), answer)


def test_cancel(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = engine.make_zone(organizer)
    for method, suffix in (("POST", "/cancel"), ("DELETE", "")):
        booking = engine.reserve(token, zone, 3).data
        path = f"{BASE}/bookings/{booking['booking_id']}"
        answer = engine.request(method, path + suffix, token)
        check(f"{method} cancels", answer.status == 200 and answer.data["status"] == "cancelled", answer)
        check(f"{method} gives the seats back", engine.zone(zone)["available_seats"] == 100)
        check(f"{method} again changes nothing", engine.request(method, path + suffix, token).status == 200 and
              engine.zone(zone)["available_seats"] == 100)
        answer = engine.post(path + "/confirm", token)
        check(f"{method} is final", answer.is_refusal(409, "INVALID_STATE", status="cancelled"), answer)


def test_refusals_of_reserve(engine, check):
    organizer = engine.token("organizer")
    _, _, zone = engine.make_zone(organizer, seats=3, max_per_user=4)
    answer = engine.reserve(engine.token(), zone, 4)
    check("stock", answer.is_refusal(409, "INSUFFICIENT_STOCK", requested=4, available=3), answer)
    check("a refusal names its position too", ":" in answer.headers.get("X-Log-Position", ""), answer.headers)
    answer = engine.reserve(engine.token(), zone, 5)
    check("limit per user", answer.is_refusal(409, "MAX_PER_USER_EXCEEDED", limit=4, held=0), answer)
    answer = engine.reserve(engine.token(), zone, 11)
    check("quantity", answer.is_refusal(400, "VALIDATION_ERROR", limit=10) and answer.fields == ["quantity"], answer)
    answer = engine.reserve(engine.token(), zone, 1, unit_price=1499.99)
    check("price", answer.is_refusal(409, "PRICE_CHANGED", unit_price=1500, currency="THB"), answer)
    answer = engine.reserve(engine.token(), {"id": str(uuid.uuid4())}, 1)
    check("unknown zone", answer.is_refusal(404, "NOT_FOUND"), answer)
    answer = engine.reserve(engine.token(), {"id": str(uuid.uuid4())}, 1, unit_price=1.5)
    check("unknown zone with a price", answer.is_refusal(404, "NOT_FOUND"), answer)
    for name in ("show_id", "event_id"):
        answer = engine.reserve(engine.token(), zone, 1, **{name: str(uuid.uuid4())})
        check(f"another {name}", answer.is_refusal(404, "NOT_FOUND"), answer)
    check("nothing was taken", engine.zone(zone)["available_seats"] == 3)


def test_sale_window(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = engine.make_zone(organizer, sale_start_at="2031-01-01T00:00:00+02:00")
    answer = engine.reserve(token, zone)
    check("not open", answer.is_refusal(409, "SALE_NOT_OPEN", opens_at="2030-12-31T22:00:00.000Z"), answer)
    _, _, zone = engine.make_zone(organizer, sale_end_at="2020-01-01T00:00:00Z")
    answer = engine.reserve(token, zone)
    check("closed", answer.is_refusal(409, "SALE_CLOSED", closed_at="2020-01-01T00:00:00.000Z"), answer)
    event, _, zone = engine.make_zone(organizer)
    engine.post(f"{BASE}/events/{event['id']}/cancel", organizer)
    check("cancelled", engine.reserve(token, zone).is_refusal(409, "SALE_CLOSED"))
    _, _, zone = engine.make_zone(organizer, publish=False)
    check("Z11 a draft's zone is unknown", engine.reserve(token, zone).is_refusal(404, "NOT_FOUND"))


def test_precedence(engine, check):
    """Each request breaks several rules; the first in the documented order answers."""
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = engine.make_zone(organizer, seats=1, max_per_user=2)
    _, _, closed = engine.make_zone(organizer, seats=1, sale_end_at="2020-01-01T00:00:00Z")
    bad = '{"zone_id":1,'
    check("404 before 401", engine.post(BASE + "/bookings/reserve/", None, bad, contract=False).status == 404)
    check("405 before 401", engine.request("PUT", RESERVE, None, bad, contract=False).status == 405)
    check("401 before 415 and 400", engine.post(RESERVE, None, bad, headers={"Content-Type": "text/plain"}).status == 401)
    check("403 before 415", engine.post(BASE + "/events", token, bad, headers={"Content-Type": "a/b"}).status == 403)
    check("404 of the event before 415", engine.post(f"{BASE}/events/{uuid.uuid4()}/shows", organizer, bad,
                                                     headers={"Content-Type": "a/b"}).status == 404)
    check("415 before 400", engine.post(RESERVE, token, bad, headers={"Content-Type": "text/plain"}).status == 415)
    check("zone before window", engine.reserve(token, closed, 99, event_id=str(uuid.uuid4())).status == 404)
    check("window before quantity", engine.reserve(token, closed, 99).code == "SALE_CLOSED")
    check("quantity before limit", engine.reserve(token, zone, 99).code == "VALIDATION_ERROR")
    check("limit before price", engine.reserve(token, zone, 3, unit_price=1).code == "MAX_PER_USER_EXCEEDED")
    check("price before stock", engine.reserve(token, zone, 2, unit_price=1).code == "PRICE_CHANGED")
    check("stock last", engine.reserve(token, zone, 2).code == "INSUFFICIENT_STOCK")


def test_idempotent_reserve(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = engine.make_zone(organizer)
    first = engine.reserve(token, zone, 2, key="a")
    check("the first is no replay", first.status == 201 and first.headers.get("Idempotent-Replayed") is None, first)
    again = engine.reserve(token, zone, 2, key="a")
    check("a repeat has status and body", (again.status, again.body) == (201, first.body), again)
    check("a repeat says so", again.headers.get("Idempotent-Replayed") == "true", again.headers)
    body = {"zone_id": zone["id"], "quantity": 2}
    for claim, sent in (("in another header", {"headers": {"X-Idempotency-Key": "a"}}),
                        ("in the body", {"body": {**body, "idempotency_key": "a"}}),
                        ("in both", {"body": {**body, "idempotency_key": "a"}, "key": "a"}),
                        ("with a null field", {"body": {**body, "unit_price": None}, "key": "a"}),
                        ("with keys in another order",
                         {"body": json.dumps({"quantity": 2, "zone_id": zone["id"].upper()}), "key": "a"})):
        again = engine.post(RESERVE, token, sent.pop("body", body), **sent)
        check(f"a repeat {claim}", again.body == first.body and again.headers["Idempotent-Replayed"] == "true", again)
    check("one booking", engine.zone(zone)["available_seats"] == 98)
    for claim, other in (("quantity", {"quantity": 1}), ("price", {"unit_price": 1500}),
                         ("show", {"show_id": zone["show_id"]})):
        answer = engine.post(RESERVE, token, {**body, **other}, key="a")
        check(f"another {claim} is another request", answer.is_refusal(422, "IDEMPOTENCY_KEY_REUSED"), answer)
    path = f"{BASE}/bookings/{first.data['booking_id']}"
    check("another operation is another request", engine.post(path + "/confirm", token, key="a").status == 422)
    check("Z09 another caller's key is another key",
          engine.reserve(engine.token(), zone, 1, key="a").headers.get("Idempotent-Replayed") is None)
    engine.post(path + "/confirm", token)
    again = engine.reserve(token, zone, 2, key="a")
    check("a repeat after confirm is still the first answer", (again.status, again.body) == (201, first.body), again)


def test_idempotent_refusal(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = engine.make_zone(organizer, seats=2)
    other = engine.reserve(engine.token(), zone, 2)
    check("sold out", engine.reserve(token, zone, 1, key="r").code == "INSUFFICIENT_STOCK")
    check("the key is the caller's", other.status == 201)
    again = engine.reserve(token, zone, 1, key="r")
    check("a refusal is remembered", again.code == "INSUFFICIENT_STOCK" and
          again.headers.get("Idempotent-Replayed") == "true", again)


def test_idempotent_settle(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = engine.make_zone(organizer)
    booking = engine.reserve(token, zone).data
    path = f"{BASE}/bookings/{booking['booking_id']}"
    first = engine.post(path + "/confirm", token, key="c")
    again = engine.post(path + "/confirm", token, {}, key="c")
    check("confirm", again.body == first.body and again.headers.get("Idempotent-Replayed") == "true", again)
    answer = engine.post(path + "/confirm", token, {"payment_id": str(uuid.uuid4())}, key="c")
    check("with another payment it is another request", answer.status == 422, answer)
    booking = engine.reserve(token, zone).data
    path = f"{BASE}/bookings/{booking['booking_id']}"
    first = engine.post(path + "/cancel", token, key="d")
    again = engine.post(path + "/cancel", token, key="d")
    check("cancel", again.body == first.body and again.headers.get("Idempotent-Replayed") == "true", again)
    check("DELETE is another operation", engine.request("DELETE", path, token, headers={"Idempotency-Key": "d"}).status == 422)


def test_idempotency_under_fire(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = engine.make_zone(organizer)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: engine.reserve(token, zone, 1, key="fire"), range(200)))
    good = {answer.body for answer in answers if answer.status == 201}
    check("one booking", len(good) == 1 and engine.zone(zone)["available_seats"] == 99, good)
    rest = {answer.code for answer in answers if answer.status != 201}
    check("the rest is in progress at most", rest <= {"IDEMPOTENCY_IN_PROGRESS"}, rest)


def test_bad_keys(engine, check):
    token = engine.token()
    body = {"zone_id": str(uuid.uuid4()), "quantity": 1}
    for claim, key in (("256 bytes", "x" * 256), ("a blank inside", "a b"), ("empty", "")):
        answer = engine.post(RESERVE, token, body, headers={"Idempotency-Key": key})
        check(f"header: {claim}", answer.status == 400 and answer.fields == ["Idempotency-Key"], answer)
        answer = engine.post(RESERVE, token, {**body, "idempotency_key": key})
        check(f"body: {claim}", answer.status == 400 and answer.fields == ["idempotency_key"], answer)
    answer = engine.post(RESERVE, token, {**body, "idempotency_key": "ü"})
    check("not ASCII", answer.status == 400 and answer.fields == ["idempotency_key"], answer)
    answer = engine.post(RESERVE, token, {**body, "idempotency_key": "a"}, key="b")
    check("two that differ", answer.status == 400 and answer.fields == ["Idempotency-Key"], answer)
    check("255 bytes are fine", engine.post(RESERVE, token, body, key="x" * 255).status == 404)


def test_strangers_Z01(engine, check):
    organizer, token, stranger = engine.token("organizer"), engine.token(), engine.token()
    _, _, zone = engine.make_zone(organizer)
    mine = f"{BASE}/bookings/{engine.reserve(token, zone).data['booking_id']}"
    unknown = f"{BASE}/bookings/{uuid.uuid4()}"
    for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", "/confirm"), ("POST", "/cancel")):
        theirs = engine.request(method, mine + suffix, stranger)
        nothing = engine.request(method, unknown + suffix, stranger)
        check(f"{method}{suffix} of another's booking is as of none",
              theirs.status == 404 and theirs.json["error"]["message"] == nothing.json["error"]["message"] and
              theirs.details.keys() == nothing.details.keys(), theirs)
    check("Z02 lists hold nothing of others", engine.get(BASE + "/bookings", stranger).data == [])
    check("and nothing happened", engine.get(mine, token).data["status"] == "reserved")
    for odd in ("1", "01", "+1", "%201", "0x1", "1;", "18446744073709551616", "x" * 100,
                mine[-36:] + "0", mine[-36:].replace("-", "")):
        check(f"N11 {odd!r}", engine.get(f"{BASE}/bookings/{odd}", token).status in (400, 404))
    check("Z08 no user_id in a body", engine.reserve(token, zone, 1, user_id=str(uuid.uuid4())).fields == ["user_id"])


def test_lists(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    zones = [engine.make_zone(organizer)[2] for _ in range(3)]
    made = [engine.reserve(token, zones[i % 3], 1).data["booking_id"] for i in range(7)]
    pages = [engine.get(f"{BASE}/bookings?page={page}&per_page=3", token) for page in (1, 2, 3, 4)]
    check("pages", [len(page.data) for page in pages] == [3, 3, 1, 0], pages[0])
    check("meta", pages[1].json["meta"] == {"page": 2, "per_page": 3, "total": 7, "total_pages": 3}, pages[1])
    listed = [booking["booking_id"] for page in pages for booking in page.data]
    check("each once", sorted(listed) == sorted(made))
    times = [booking["created_at"] for page in pages for booking in page.data]
    check("newest first", times == sorted(times, reverse=True), times)
    for query in ("page=0", "page=-1", "page=1000000001", "page=x", "page=", "page=1.5", "page=1&page=2",
                  "per_page=0", "per_page=101", "per_page=-1", "per_page=1000000", "page=01", "page=%31%20"):
        answer = engine.get(f"{BASE}/bookings?{query}", token)
        check(f"L18 {query}", answer.status == 400 and answer.fields == [query.split("=")[0]], answer)
    get, head = engine.get(LIST, token), engine.request("HEAD", LIST, token)
    check("HEAD has the length and no body", head.status == 200 and head.body == b"" and
          head.headers["Content-Length"] == str(len(get.body)), head.headers)
    check("reads name their position", ":" in head.headers.get("X-Log-Position", ""), head.headers)
    check("other parameters are ignored", engine.get(f"{BASE}/bookings?x=1&&=&page=%31", token).status == 200)
    for query in ("", "?event_id=x", "?event_id="):
        check(f"summary {query!r}", engine.get(f"{BASE}/bookings/summary{query}", token).fields == ["event_id"])
    check("summary of nothing", engine.get(f"{BASE}/bookings/summary?event_id={uuid.uuid4()}", token).status == 404)


def test_bodies_J(engine, check):
    token, zone = engine.token(), str(uuid.uuid4())
    good = f'{{"zone_id":"{zone}","quantity":1}}'
    check("the plain body reaches the engine", engine.post(RESERVE, token, good).status == 404)
    bodies = {
        "J01 deep": '{"a":' * 17 + "1" + "}" * 17, "J01 very deep": "[" * 60000, "J01 deep keys": '{"a":' * 10000,
        "J02 duplicate": good[:-1] + ',"quantity":2}', "J04 trailing": good + "x", "J04 two": good + good,
        "J04 comment": good + "//", "J04 BOM": "\ufeff" + good, "J04 NaN": good.replace("1}", "NaN}"),
        "J04 Infinity": good.replace("1}", "Infinity}"), "J04 quotes": good.replace('"', "'"),
        "J04 comma": good[:-1] + ",}", "J05 lone surrogate": good[:-1] + ',"x":"\\ud800"}',
        "J05 overlong": good[:-1].encode() + b',"x":"\xc0\xaf"}', "J05 UTF-16": good.encode("utf-16"),
        "J05 truncated": good[:-1].encode() + b',"x":"\xc3"}', "J06 raw control": good[:-1] + ',"x":"\x01"}',
        "J09 array": "[]", "J09 text": '"x"', "J09 empty object": "{}", "J09 blanks": "   ", "J09 null": "null",
        "J10 spaces": " " * 65536, "J10 long text": '{"zone_id":"' + "x" * 65500 + '"}',
        "J20 many keys": "{" + ",".join(f'"k{i}":1' for i in range(4000)) + "}",
    }
    for claim, body in bodies.items():
        started = time.monotonic()
        answer = engine.post(RESERVE, token, body)
        check(claim, answer.is_refusal(400, "VALIDATION_ERROR"), answer)
        check(claim + " at once", time.monotonic() - started < 0.5)
    check("J09 empty", engine.post(RESERVE, token, "").fields == ["zone_id", "quantity"])
    check("J09 no body at all", engine.post(RESERVE, token).fields == ["zone_id", "quantity"])


def test_fields_J03_J07_J08(engine, check):
    token, zone = engine.token(), str(uuid.uuid4())
    for name in ("role", "price", "user_id", "status", "confirmed_at", "paid", "Quantity", "zone_id ", ""):
        answer = engine.post(RESERVE, token, {"zone_id": zone, "quantity": 1, name: 1})
        check(f"J03 {name!r}", answer.status == 400 and answer.fields == [name], answer)
    long_name = "ü" * 1000
    answer = engine.post(RESERVE, token, {"zone_id": zone, "quantity": 1, long_name: 1})
    check("an absurd name is cut", answer.status == 400 and answer.fields == ["ü" * 32], answer)
    answer = engine.post(RESERVE, token, {"zone_id": zone, "quantity": 1, **{f"x{i}": 1 for i in range(50)}})
    check("eight faults are enough", len(answer.fields) == 8, answer)
    answer = engine.post(RESERVE, token, {"zone_id": zone, "quantity": 1, 'a"\\<b>': 1})
    check("names are escaped", answer.fields == ['a"\\<b>'], answer)
    for value in ("0", "-1", "2.5", "1.0", "1e2", "1e400", "-0", "2147483648", "4294967296", "4294967297",
                  "9223372036854775808", "18446744073709551617", "12345678901234567890", '"2"', "true",
                  "null", "[1]", '{"a":1}', "10000001"):
        answer = engine.post(RESERVE, token, f'{{"zone_id":"{zone}","quantity":{value}}}')
        check(f"J07 J08 N01 quantity {value}", answer.status == 400 and answer.fields == ["quantity"], answer)
    for value in ('"1500.00"', "-1", "-0", "1e3", "1.2345", "true", "[]", "99999999999999999999"):
        answer = engine.post(RESERVE, token, f'{{"zone_id":"{zone}","quantity":1,"unit_price":{value}}}')
        check(f"unit_price {value}", answer.status == 400 and answer.fields == ["unit_price"], answer)
    for value in (1, "x", "", "00000000-0000-0000-0000-000000000000", zone[:-1], zone + "0", "{" + zone + "}"):
        answer = engine.post(RESERVE, token, {"zone_id": value, "quantity": 1})
        check(f"zone_id {value}", answer.fields == ["zone_id"], answer)
    answer = engine.post(RESERVE, token, {"zone_id": zone, "quantity": 1, "queue_pass": "x"})
    check("queue_pass is not sold yet", answer.fields == ["queue_pass"] and "not available yet" in answer.body.decode(),
          answer)
    answer = engine.post(f"{BASE}/bookings/{uuid.uuid4()}/confirm", token, {"payment_id": "x", "amount": 1})
    check("confirm", answer.fields == ["payment_id", "amount"], answer)
    answer = engine.post(f"{BASE}/bookings/{uuid.uuid4()}/cancel", token, {"payment_id": str(uuid.uuid4())})
    check("cancel takes no payment", answer.fields == ["payment_id"], answer)


def test_media_types_H55(engine, check):
    token, zone = engine.token(), str(uuid.uuid4())
    body = f'{{"zone_id":"{zone}","quantity":1}}'
    for kind, status in (("application/json", 404), ("application/json; charset=utf-8", 404),
                         ("APPLICATION/JSON;charset=UTF-8", 404), ("application/json; charset=utf-7", 415),
                         ("application/json; a=b", 415), ("application/jsonx", 415), ("text/plain", 415),
                         ("application/x-www-form-urlencoded", 415), ("multipart/form-data; boundary=x", 415),
                         ("application/json,text/plain", 415), ("", 415)):
        answer = engine.post(RESERVE, token, body, headers={"Content-Type": kind})
        check(f"{kind!r}", answer.status == status, answer)
    answer = engine.post(RESERVE, token, body, headers={"Content-Type": None})
    check("missing", answer.status == 415, answer)
    answer = engine.post(RESERVE, token, body, headers={"Content-Encoding": "gzip"})
    check("H56 gzip", answer.status == 415, answer)


def test_last_seat(engine, check):
    organizer = engine.token("organizer")
    _, _, zone = engine.make_zone(organizer, seats=1)
    tokens = [engine.token() for _ in range(100)]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda token: engine.reserve(token, zone), tokens))
    check("one of a hundred", sorted(answer.status for answer in answers) == [201] + [409] * 99)
    check("the rest is told why", {answer.code for answer in answers if answer.status == 409} == {"INSUFFICIENT_STOCK"})


def test_no_mix_up_M01(engine, check):
    """Twenty users at once on their own connections; every answer is its asker's."""
    organizer = engine.token("organizer")
    _, _, zone = engine.make_zone(organizer, seats=10000)

    def crowd(_):
        user = str(uuid.uuid4())
        token = engine.token(user=user)
        made = [engine.reserve(token, zone).data for _ in range(3)]
        listed = engine.get(LIST, token).data
        wrong = [b for b in made + listed if b["user_id"] != user]
        return not wrong and {b["booking_id"] for b in made} == {b["booking_id"] for b in listed}

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        results = list(pool.map(crowd, range(100)))
    check("nobody saw another's", all(results), results.count(False))
    check("all were counted", engine.zone(zone)["available_seats"] == 10000 - 300)


def test_minor_units_N07(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    for currency, price, total in (("JPY", "1500", b"3000"), ("KWD", "1.005", b"2.010"), ("EUR", "0.29", b"0.58")):
        _, _, zone = engine.make_zone(organizer, price=price, currency=currency)
        answer = engine.post(RESERVE, token, f'{{"zone_id":"{zone["id"]}","quantity":2,"unit_price":{price}}}')
        check(currency, answer.status == 201 and b'"total_amount":' + total + b"," in answer.body, answer)
    _, _, zone = engine.make_zone(organizer, price="100", currency="JPY")
    answer = engine.post(RESERVE, token, f'{{"zone_id":"{zone["id"]}","quantity":1,"unit_price":100.00}}')
    check("yen have no decimals", answer.fields == ["unit_price"], answer)
    _, _, zone = engine.make_zone(organizer, price="9223372036.85", currency="EUR")
    answer = engine.reserve(token, zone, 4)
    check("N03 large totals are exact", b'"total_amount":36893488147.40,' in answer.body, answer)


def test_expiry(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = engine.make_zone(organizer)
    booking = engine.reserve(token, zone, 2, key="late").data
    path = f"{BASE}/bookings/{booking['booking_id']}"
    time.sleep(6.2)
    answer = engine.post(path + "/confirm", token)
    check("410", answer.is_refusal(410, "RESERVATION_EXPIRED", expired_at=booking["expires_at"]), answer)
    check("the seats are free", engine.zone(zone)["available_seats"] == 100)
    check("it reads as expired", engine.get(path, token).data["status"] == "expired")
    check("a repeat is still the first answer", engine.reserve(token, zone, 2, key="late").data == booking)


def test_keys_survive_kill(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = engine.make_zone(organizer)
    first = engine.reserve(token, zone, 2, key="k")
    made = engine.post(BASE + "/events", organizer, {"title": "Once"}, key="e")
    engine.restart()
    again = engine.reserve(token, zone, 2, key="k")
    check("a reserve", (again.status, again.body) == (201, first.body), (first, again))
    check("says so", again.headers.get("Idempotent-Replayed") == "true")
    again = engine.post(BASE + "/events", organizer, {"title": "Once"}, key="e")
    check("an event", (again.status, again.body) == (201, made.body), (made, again))
    check("no second booking", engine.zone(zone)["available_seats"] in (98, 100))


TESTS = [test for name, test in list(globals().items()) if name.startswith("test_")]

if __name__ == "__main__":
    sys.exit(main(TESTS, BOOKING_RESERVATION_TTL_SECONDS="6"))
