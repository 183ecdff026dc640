#!/usr/bin/python3
"""What is on sale over HTTP: reads, visibility, and the changes of organizers and
admins with every field's limits. J, N and Z rows are those of the attack list."""

import re
import sys
import uuid

from api import BASE, main

EVENTS = BASE + "/events"
NAUGHTY = ["Rock Night", "O'Neil \"&\" <b>bold</b>", "ロック・ナイト", "مهرجان الموسيقى", "שלום", "👩‍👩‍👧‍👦 family",
           "می‌خواهم", "e\u0301", "Z\u0317a\u0317l\u0317g\u0317o", "' OR 1=1 --", "; DROP TABLE events;",
           "$(rm -rf /)", "%n%s%x", "=1+1", "../../etc/passwd", "\\u0000", "{{7*7}}", "a\u00a0b", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "x" * 200]
HIDDEN = ["a\u0000b", "a\u0001", "a\nb", "a\tb", "a\u007f", "a\u0085", "a\u2028b", "a\u202eb", "a\u2066b", "a\u200eb",
          "a\u200bb", "a\ufeffb", "", " ", "\u00a0\u3000", "x" * 201, "ü" * 101]


def test_life_of_an_event(engine, check):
    user = str(uuid.uuid4())
    organizer, admin = engine.token("organizer", user), engine.token("admin")
    answer = engine.post(EVENTS, organizer, {
        "title": "Rock Night", "description": "Two\nlines\tand \"quotes\"", "venue": "City Hall", "city": "Bangkok",
        "image_url": "https://example.com/a.png?x=1", "sale_start_at": "2026-01-01T00:00:00+07:00",
        "sale_end_at": "2030-01-01T00:00:00Z", "max_per_user": 6})
    event = answer.data
    check("201", answer.status == 201 and ":" in answer.headers["X-Log-Position"], answer)
    check("a draft of ours", (event["status"], event["organizer_id"], event["tenant_id"], event["category_id"]) ==
          ("draft", user, None, None), event)
    check("texts come back", (event["title"], event["description"], event["venue"], event["city"], event["image_url"]) ==
          ("Rock Night", "Two\nlines\tand \"quotes\"", "City Hall", "Bangkok", "https://example.com/a.png?x=1"), event)
    check("times in UTC", (event["sale_start_at"], event["sale_end_at"]) ==
          ("2025-12-31T17:00:00.000Z", "2030-01-01T00:00:00.000Z"), event)
    check("a slug of the title", event["slug"].startswith("rock-night"), event)
    path = f"{EVENTS}/{event['id']}"
    for claim, token, status in (("its organizer", organizer, 200), ("an admin of its tenant", admin, 200),
                                 ("nobody", None, 404), ("a user", engine.token(), 404),
                                 ("another organizer", engine.token("organizer"), 404),
                                 ("another tenant's admin", engine.token("admin", tenant=str(uuid.uuid4())), 404)):
        check(f"Z11 the draft for {claim}", engine.get(path, token).status == status)
    published = engine.post(path + "/publish", organizer)
    check("publish", published.status == 200 and published.data["status"] == "published", published)
    check("publish again", engine.post(path + "/publish", organizer).status == 200)
    check("public", engine.get(path).data == published.data)
    check("by slug", engine.get(f"{EVENTS}/{event['slug']}").data == published.data)
    check("unpublish by an admin", engine.post(path + "/unpublish", admin).data["status"] == "draft")
    check("hidden again", engine.get(path).status == 404)
    check("cancel", engine.post(path + "/cancel", organizer, {}).data["status"] == "cancelled")
    for action in ("publish", "unpublish"):
        answer = engine.post(f"{path}/{action}", organizer)
        check(f"cancelled is final: {action}", answer.is_refusal(409, "INVALID_STATE", status="cancelled"), answer)
    answer = engine.post(path + "/shows", organizer, {"show_date": "2030-01-01T00:00:00Z"})
    check("no show for a cancelled event", answer.code == "INVALID_STATE", answer)


def test_whose_event_Z04(engine, check):
    owner, other = engine.token("organizer"), engine.token("organizer")
    tenant = str(uuid.uuid4())
    theirs, admin = engine.token("organizer", tenant=tenant), engine.token("admin", tenant=tenant)
    event, show, _ = engine.make_zone(owner)
    tenants, _, _ = engine.make_zone(theirs)
    for action in ("publish", "unpublish", "cancel"):
        check(f"{action} by another organizer", engine.post(f"{EVENTS}/{event['id']}/{action}", other).status == 404)
        check(f"{action} by a user", engine.post(f"{EVENTS}/{event['id']}/{action}", engine.token()).code == "FORBIDDEN")
        check(f"{action} by nobody", engine.post(f"{EVENTS}/{event['id']}/{action}").code == "UNAUTHORIZED")
        check(f"{action} by another tenant's admin", engine.post(f"{EVENTS}/{event['id']}/{action}", admin).status == 404)
        check(f"{action} of none", engine.post(f"{EVENTS}/{uuid.uuid4()}/{action}", owner).status == 404)
    check("the tenant's admin", engine.post(f"{EVENTS}/{tenants['id']}/unpublish", admin).status == 200)
    check("tenant_id is the token's", tenants["tenant_id"] == tenant)
    body = {"show_date": "2030-01-01T00:00:00Z"}
    check("a show by another", engine.post(f"{EVENTS}/{event['id']}/shows", other, body).status == 404)
    zone = {"name": "x", "price": 1, "currency": "EUR", "total_seats": 1}
    check("a zone by another", engine.post(f"{BASE}/shows/{show['id']}/zones", other, zone).status == 404)
    check("a zone by a user", engine.post(f"{BASE}/shows/{show['id']}/zones", engine.token(), zone).code == "FORBIDDEN")
    check("an event by a user", engine.post(EVENTS, engine.token(), {"title": "x"}).code == "FORBIDDEN")
    for name in ("tenant_id", "organizer_id", "status", "id", "created_at", "owner"):
        answer = engine.post(EVENTS, owner, {"title": "x", name: str(uuid.uuid4())})
        check(f"Z07 J03 {name} is not to be set", answer.fields == [name], answer)


def test_lists(engine, check):
    owner, tenant = engine.token("organizer"), str(uuid.uuid4())
    admin = engine.token("admin", tenant=tenant)
    theirs = engine.token("organizer", tenant=tenant)
    drafts = [engine.post(EVENTS, theirs, {"title": f"Draft {i}"}).data["id"] for i in range(3)]
    event, _, _ = engine.make_zone(owner)
    newest = engine.get(EVENTS + "?per_page=1")
    check("newest first", newest.data[0]["id"] == event["id"] and len(newest.data) == 1, newest)
    check("no description in lists", "description" not in newest.data[0])
    total = newest.json["meta"]["total"]
    pages = [e["id"] for page in range(1, total + 1) for e in engine.get(f"{EVENTS}?per_page=1&page={page}").data]
    check("every published event once", len(set(pages)) == total and not set(pages) & set(drafts))
    check("own drafts", [e["id"] for e in engine.get(EVENTS + "?status=draft", theirs).data] == drafts[::-1])
    check("the tenant's drafts", [e["id"] for e in engine.get(EVENTS + "?status=draft", admin).data] == drafts[::-1])
    for claim, token in (("nobody", None), ("a user", engine.token()), ("another organizer", engine.token("organizer"))):
        check(f"no drafts for {claim}", engine.get(EVENTS + "?status=draft", token).data == [])
    engine.post(f"{EVENTS}/{event['id']}/cancel", owner)
    check("cancelled ones", event["id"] in [e["id"] for e in engine.get(EVENTS + "?status=cancelled").data])
    for status in ("x", "", "DRAFT", "draft%00", "published,draft"):
        answer = engine.get(f"{EVENTS}?status={status}")
        check(f"status {status!r}", answer.status == 400, answer)
    for query in ("page=0", "per_page=101", "per_page=x"):
        check(query, engine.get(f"{EVENTS}?{query}").fields == [query.split("=")[0]])


def test_shows_and_zones(engine, check):
    owner = engine.token("organizer")
    event, show, zone = engine.make_zone(owner, seats=5)
    path = f"{EVENTS}/{event['slug']}/shows"
    answer = engine.post(path, owner, {"show_date": "2030-06-01T20:00:00.5+02:00", "name": "Matinée"})
    check("a show by slug", answer.status == 201 and answer.data["show_date"] == "2030-06-01T18:00:00.500Z", answer)
    shows = engine.get(path)
    check("in the order made", [s["id"] for s in shows.data] == [show["id"], answer.data["id"]], shows)
    check("meta", shows.json["meta"]["total"] == 2)
    answer = engine.post(f"{BASE}/shows/{show['id']}/zones", owner,
                         {"name": "Balcony", "price": 0, "currency": "EUR", "total_seats": 7, "kind": "general"})
    check("a free zone", answer.status == 201 and b'"price":0.00,' in answer.body, answer)
    engine.reserve(engine.token(), zone, 2)
    seen = engine.get(f"{BASE}/shows/{show['id']}").data
    check("a show sums its zones", (seen["total_seats"], seen["available_seats"], seen["status"]) == (12, 10, "published"),
          seen)
    zones = engine.get(f"{BASE}/shows/{show['id']}/zones?per_page=1&page=2")
    check("zones in pages", [z["name"] for z in zones.data] == ["Balcony"] and zones.json["meta"]["total"] == 2, zones)
    hidden, hidden_show, hidden_zone = engine.make_zone(owner, publish=False)
    for claim, found in (("show", f"{BASE}/shows/{hidden_show['id']}"), ("its zones", f"{BASE}/shows/{hidden_show['id']}/zones"),
                         ("zone", f"{BASE}/zones/{hidden_zone['id']}"), ("shows", f"{EVENTS}/{hidden['id']}/shows")):
        check(f"Z11 a draft's {claim}", engine.get(found).status == 404 and engine.get(found, owner).status == 200)
    for odd in ("x", "1", str(uuid.uuid4()), "00000000-0000-0000-0000-000000000000"):
        for kind in ("shows", "zones", "events"):
            check(f"N11 {kind}/{odd}", engine.get(f"{BASE}/{kind}/{odd}").status == 404)


def test_slugs(engine, check):
    owner = engine.token("organizer")
    name = "s" + uuid.uuid4().hex
    check("as sent", engine.post(EVENTS, owner, {"title": "x", "slug": name}).data["slug"] == name)
    answer = engine.post(EVENTS, owner, {"title": "x", "slug": name})
    check("taken", answer.is_refusal(409, "INVALID_STATE", field="slug"), answer)
    first, second = (engine.post(EVENTS, owner, {"title": name + "!"}).data["slug"] for _ in range(2))
    check("made unlike the others", len({name, first, second}) == 3 and first.startswith(name), (first, second))
    event = engine.post(EVENTS, owner, {"title": "ロック"}).data
    check("some slug where the title gives none", re.fullmatch("event-[0-9a-f]{12}", event["slug"]), event)
    event = engine.post(EVENTS, owner, {"title": str(uuid.uuid4())}).data
    check("not one that reads as an id", len(event["slug"]) > 36, event)
    check("and found by it", engine.get(f"{EVENTS}/{event['slug']}", owner).data["id"] == event["id"])
    long = engine.post(EVENTS, owner, {"title": "a" * 200}).data["slug"]
    check("not too long", len(long) <= 100, long)
    for slug in ("", "-a", "a-", "A", "a b", "a/b", "a_b", "é", "my", "x" * 101, str(uuid.uuid4()), 1, ["a"]):
        answer = engine.post(EVENTS, owner, {"title": "x", "slug": slug})
        check(f"{slug!r}", answer.status == 400 and answer.fields == ["slug"], answer)


def test_texts_J(engine, check):
    owner = engine.token("organizer")
    for text in NAUGHTY:
        answer = engine.post(EVENTS, owner, {"title": text, "venue": text, "city": text, "description": text})
        check(f"J13 J15 J16 {text[:20]!r} comes back as it was",
              answer.status == 201 and [answer.data[n] for n in ("title", "venue", "city", "description")] == [text] * 4,
              answer)
        check(f"{text[:20]!r} is one line of JSON", b"\n" not in answer.body)
    for text in HIDDEN:
        for name in ("title", "venue", "city"):
            answer = engine.post(EVENTS, owner, {"title": "x", name: text})
            check(f"J06 J10 J11 {name} {text[:10]!r}", answer.status == 400 and answer.fields == [name], answer)
    for text, fine in (("x" * 5000, True), ("x" * 5001, False), ("a\r\nb", False), ("a\u202eb", False), ("", True)):
        answer = engine.post(EVENTS, owner, {"title": "x", "description": text})
        check(f"description {text[:8]!r} of {len(text)}", answer.status == (201 if fine else 400), answer)
    for url in ("http://a", "https://example.com/" + "x" * 480):
        check(url[:30], engine.post(EVENTS, owner, {"title": "x", "image_url": url}).status == 201)
    for url in ("javascript:alert(1)", "data:image/png;base64,A", "//a", "ftp://a", "https://", "https://a b",
                'https://a"b', "https://ü", "https://example.com/" + "x" * 481, "HTTPS://A", ""):
        answer = engine.post(EVENTS, owner, {"title": "x", "image_url": url})
        check(f"M04 image_url {url[:30]!r}", answer.fields == ["image_url"], answer)


def test_times_J22(engine, check):
    owner = engine.token("organizer")
    event, _, _ = engine.make_zone(owner)
    for when in ("2026-02-30T00:00:00Z", "2026-02-29T00:00:00Z", "9999999999999", 9999999999999, "2016-12-31T23:59:60Z",
                 "2026-01-01", "2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-01-01T24:00:00Z",
                 "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00 +01:00", "2026-01-01T00:00:00[Europe/Paris]", "now", ""):
        answer = engine.post(f"{EVENTS}/{event['id']}/shows", owner, {"show_date": when})
        check(f"show_date {when}", answer.fields == ["show_date"], answer)
        answer = engine.post(EVENTS, owner, {"title": "x", "sale_start_at": when})
        check(f"sale_start_at {when}", answer.fields == ["sale_start_at"], answer)
    answer = engine.post(EVENTS, owner, {"title": "x", "sale_start_at": "2026-01-01T00:00:00Z",
                                         "sale_end_at": "2026-01-01T01:00:00+01:00"})
    check("an end not after its start", answer.fields == ["sale_end_at"], answer)
    check("leap day", engine.post(f"{EVENTS}/{event['id']}/shows", owner,
                                  {"show_date": "2028-02-29T00:00:00Z"}).data["show_date"] == "2028-02-29T00:00:00.000Z")


def test_numbers_N(engine, check):
    owner = engine.token("organizer")
    _, show, _ = engine.make_zone(owner)
    path = f"{BASE}/shows/{show['id']}/zones"

    def zone(**fields):
        texts = {"name": '"z"', "price": "10.00", "currency": '"EUR"', "total_seats": "5", **fields}
        return engine.post(path, owner, "{" + ",".join(f'"{k}":{v}' for k, v in texts.items()) + "}")

    check("the plain zone", zone().status == 201)
    for value in ("-1", "0", "4294967296", "10000001", "2.5", "1.0", "1e2", '"5"', "null", "true"):
        check(f"N09 total_seats {value}", zone(total_seats=value).fields == ["total_seats"])
    for value in ("-1", "-0", "-0.01", "1e3", "10.001", "10.000", '"10"', "null", "99999999999999999999"):
        check(f"price {value}", zone(price=value).fields == ["price"], zone(price=value))
    answer = zone(price="9223372036854775.80")
    check("N03 a price whose dearest order overflows", answer.fields == ["price"], answer)
    check("one that just fits", zone(price="9223372036.85").status == 201)
    for value in ('"eur"', '"EU"', '"XXX"', '"XTS"', '"€"', "978", "null"):
        check(f"currency {value}", zone(currency=value).fields == ["currency"])
    check("N07 yen", zone(currency='"JPY"', price="100").status == 201)
    check("N07 yen with decimals", zone(currency='"JPY"', price="100.00").fields == ["price"])
    check("N07 dinars", b'"price":1.005,' in zone(currency='"KWD"', price="1.005").body)
    check("seated without rows", zone(kind='"seated"').fields == ["rows"])
    check("kinds", zone(kind='"other"').fields == ["kind"] and zone(kind="1").fields == ["kind"])
    check("general with rows", zone(rows='[{"label":"A","seats":"1..4"}]').fields == ["rows"])
    check("no rows", zone(kind='"seated"', rows="[]").fields == ["rows"])
    check("stops that are none", engine.post(f"{EVENTS}/{show['event_id']}/shows", owner,
                                           {"show_date": "2030-01-01T00:00:00Z", "stops": ["a", "b"]}).fields == ["stops[0]"])
    for value in (0, -1, 10001, 1.5, "4"):
        check(f"max_per_user {value}", engine.post(EVENTS, owner, {"title": "x", "max_per_user": value}).fields ==
              ["max_per_user"])
    check("all faults at once", sorted(engine.post(path, owner, {}).fields) ==
          ["currency", "name", "price", "total_seats"])


def test_idempotent_changes(engine, check):
    owner = engine.token("organizer")
    event = {"title": "Once " + uuid.uuid4().hex}
    first, again = (engine.post(EVENTS, owner, event, key="e") for _ in range(2))
    check("event", again.status == 201 and again.body == first.body and
          again.headers.get("Idempotent-Replayed") == "true", again)
    check("another title", engine.post(EVENTS, owner, {"title": "x"}, key="e").status == 422)
    path = f"{EVENTS}/{first.data['id']}"
    show = {"show_date": "2030-01-01T20:00:00Z"}
    made, again = (engine.post(path + "/shows", owner, show, key="s") for _ in range(2))
    check("show", again.status == 201 and again.data["id"] == made.data["id"], again)
    check("the same moment in another zone", engine.post(path + "/shows", owner, {"show_date": "2030-01-01T21:00:00+01:00"},
                                                         key="s").status == 201)
    zones = f"{BASE}/shows/{made.data['id']}/zones"
    zone = {"name": "z", "price": 1, "currency": "EUR", "total_seats": 1}
    made, again = (engine.post(zones, owner, zone, key="z") for _ in range(2))
    check("zone", again.status == 201 and again.data["id"] == made.data["id"], again)
    check("another currency", engine.post(zones, owner, {**zone, "currency": "USD"}, key="z").status == 422)
    check("one show and one zone", engine.get(zones, owner).json["meta"]["total"] == 1)
    published, again = (engine.post(path + "/publish", owner, key="p") for _ in range(2))
    check("publish", again.body == published.body and again.headers.get("Idempotent-Replayed") == "true", again)
    check("its key for unpublish", engine.post(path + "/unpublish", owner, key="p").status == 422)


def test_etags(engine, check):
    owner = engine.token("organizer")
    event, _, _ = engine.make_zone(owner)
    path = f"{EVENTS}/{event['id']}"
    answer = engine.get(path)
    etag = answer.headers["ETag"]
    check("strong", re.fullmatch(r'"[0-9a-f]{16}"', etag), etag)
    check("revalidated, not kept", answer.headers["Cache-Control"] == "no-cache", answer.headers)
    for claim, sent, status in (("the same", etag, 304), ("weak", "W/" + etag, 304), ("any", "*", 304),
                                ("in a list", f'"x", {etag}', 304), ("another", '"0000000000000000"', 200),
                                ("nonsense", "x", 200)):
        seen = engine.get(path, headers={"If-None-Match": sent})
        check(f"{claim}: {status}", seen.status == status and (seen.body == b"") == (status == 304), seen)
    engine.post(path + "/unpublish", owner)
    engine.post(path + "/publish", owner)
    check("a new version has another", engine.get(path).headers["ETag"] != etag)


def test_head_and_methods(engine, check):
    owner = engine.token("organizer")
    event, show, zone = engine.make_zone(owner)
    for path in (f"{EVENTS}/{event['id']}", EVENTS, f"{BASE}/shows/{show['id']}/zones", f"{BASE}/zones/{zone['id']}"):
        get, head = engine.get(path), engine.request("HEAD", path)
        check(f"H53 HEAD {path}", head.status == 200 and head.body == b"" and
              head.headers["Content-Length"] == str(len(get.body)), head.headers)
    for method, path, allow in (("PUT", EVENTS, "GET, HEAD, POST, OPTIONS"), ("DELETE", EVENTS, "GET, HEAD, POST, OPTIONS"),
                                ("POST", f"{EVENTS}/x", "GET, HEAD, OPTIONS"),
                                ("GET", f"{EVENTS}/x/publish", "POST, OPTIONS"),
                                ("PUT", f"{BASE}/bookings/x", "GET, HEAD, DELETE, OPTIONS"),
                                ("GET", BASE + "/bookings/reserve", "POST, OPTIONS")):
        answer = engine.request(method, path, owner, contract=False)
        check(f"H40 {method} {path}", answer.status == 405 and answer.headers["Allow"] == allow, answer.headers)
    for path in ("/", "/api/v1", "/api/v1/", "/api/v1/nothing", "/API/v1/events", "/api/v1/events/", "/api/v2/events",
                 "/api/v1/events/a/b/c", "/healthz", "/api/v1/payments/confirm"):
        check(f"404 {path}", engine.get(path, contract=False).is_refusal(404, "NOT_FOUND"))


TESTS = [test for name, test in list(globals().items()) if name.startswith("test_")]

if __name__ == "__main__":
    sys.exit(main(TESTS))
