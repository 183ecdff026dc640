#!/usr/bin/python3
"""Tokens, origins and operations over HTTP. A, Z, H and R rows are those of the
attack list; tests/unit/test_jwt.c has the rest of the A rows."""

import http.client
import json
import re
import sys
import time
import uuid

from api import BASE, ORIGIN, main

LIST = BASE + "/bookings"


def raw(engine, headers, method="GET", path=LIST):
    """A request on a connection of its own, headers in order and as often as given."""
    connection = http.client.HTTPConnection("127.0.0.1", engine.port, timeout=10)
    connection.putrequest(method, path)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, json.loads(body) if body else None, response.headers


def reason(engine, authorization):
    status, body, headers = raw(engine, [("Authorization", authorization)])
    if status != 401:
        return status
    if not headers.get("WWW-Authenticate", "").startswith("Bearer "):
        return "no challenge"
    return body["error"]["details"]["reason"]


def test_headers_A01(engine, check):
    token = engine.token()
    status, body, headers = raw(engine, [])
    check("none", status == 401 and body["error"]["details"]["reason"] == "missing" and
          headers["WWW-Authenticate"] == 'Bearer realm="boxoffice"', body)
    check("empty", reason(engine, "Bearer") == "scheme", reason(engine, "Bearer"))
    check("Basic", reason(engine, "Basic dTpw") == "scheme")
    check("no scheme", reason(engine, token) == "scheme")
    check("lower case", reason(engine, "bearer " + token) == 200)
    check("two blanks", reason(engine, "Bearer  " + token) == "malformed")
    twice = [("Authorization", "Bearer " + token)] * 2
    check("twice", raw(engine, twice)[0] == 400)
    check("A29 in the query", raw(engine, [], path=f"{LIST}?access_token={token}")[0] == 401)


def test_bad_tokens_A(engine, check):
    now = int(time.time())
    good = {"sub": str(uuid.uuid4()), "role": "user", "exp": now + 60}
    head = {"alg": "HS256", "typ": "JWT", "kid": engine.kid}
    check("the good one", reason(engine, "Bearer " + engine.sign(good)) == 200)
    for claim, header in (("none", {**head, "alg": "none"}), ("RS256", {**head, "alg": "RS256"}),
                          ("array", {**head, "alg": ["HS256"]}), ("missing", {"kid": engine.kid}),
                          ("jku", {**head, "jku": "http://127.0.0.1:1/"}), ("crit", {**head, "crit": ["x"]}),
                          ("typ", {**head, "typ": "refresh"})):
        seen = reason(engine, "Bearer " + engine.sign(good, header))
        check(f"A02 A05 A07 {claim}", seen == "algorithm", seen)
    for kid in ("../../dev/null", "", "x" * 1000, "' OR 1=1"):
        check(f"A06 {kid[:20]!r}", reason(engine, "Bearer " + engine.sign(good, {**head, "kid": kid})) == "key_unknown")
    for secret in ("", "secret", "-----BEGIN PUBLIC KEY-----\n", engine.secret[:-1], engine.secret + "x"):
        check(f"A03 A04 {secret[:8]!r}", reason(engine, "Bearer " + engine.sign(good, secret=secret)) == "signature")
    token = engine.sign(good)
    one, two, three = token.split(".")
    for claim, text, wanted in (("no signature", f"{one}.{two}.", "malformed"), ("two parts", f"{one}.{two}", "malformed"),
                                ("four parts", token + ".x", "malformed"), ("padding", token + "=", "signature"),
                                ("truncated", token[:-1], "signature"), ("standard alphabet", f"{one}.{two}.{'+/' * 21}A", "signature"),
                                ("2 KiB and one", "x" * 2049, "malformed"), ("JSON", '{"payload":"x"}', "malformed")):
        seen = reason(engine, "Bearer " + text)
        check(f"A08 {claim}", seen == wanted, seen)
    duplicate = json.dumps(good)[:-1] + ',"role":"admin"}'
    check("A10 duplicate claim", reason(engine, "Bearer " + engine.sign(duplicate)) == "malformed")
    for claim, change, wanted in (("past", {"exp": now - 1}, "expired"), ("now", {"exp": now}, "expired"),
                                  ("text", {"exp": str(now + 60)}, "claims"), ("float", {"exp": now + 60.5}, "claims"),
                                  ("huge", {"exp": 10**12}, "lifetime"), ("absurd", {"exp": 10**30}, "claims"),
                                  ("negative", {"exp": -1}, "expired"), ("none", {"exp": None}, "claims"),
                                  ("nbf ahead", {"nbf": now + 120}, "not_yet_valid"),
                                  ("iat ahead", {"iat": now + 120}, "not_yet_valid"),
                                  ("another audience", {"aud": "queue-pass"}, "claims"),
                                  ("another issuer", {"iss": "x"}, "claims"), ("no role", {"role": "root"}, "claims"),
                                  ("no id", {"sub": "me"}, "claims"), ("no tenant", {"tenant_id": "x"}, "claims")):
        seen = reason(engine, "Bearer " + engine.sign({**good, **change}))
        check(f"A11 A12 A13 {claim}", seen == wanted, seen)
    check("an open operation refuses a bad token too", raw(engine, [("Authorization", "Bearer x")], path=BASE + "/events")[0] == 401)
    check("health does not look", raw(engine, [("Authorization", "Bearer x")], path="/health")[0] == 200)


def test_connection_remembers_bytes(engine, check):
    """Tokens that alternate on one connection are told apart; one that expires is
    refused though it was good a moment ago."""
    organizer = engine.token("organizer")
    _, _, zone = engine.make_zone(organizer)
    first, second = engine.token(), engine.token()
    mine = engine.reserve(first, zone).data["booking_id"]
    for _ in range(3):
        check("mine", [b["booking_id"] for b in engine.get(LIST, first).data] == [mine])
        check("theirs", engine.get(LIST, second).data == [])
        forged = first[:-2] + ("AA" if first[-2:] != "AA" else "BB")
        check("forged", engine.get(LIST, forged).code == "UNAUTHORIZED")
    token = engine.sign({"sub": str(uuid.uuid4()), "role": "user", "exp": int(time.time()) + 2})
    check("good at first", engine.get(LIST, token).status == 200)
    time.sleep(2.1)
    check("not for ever", engine.get(LIST, token).is_refusal(401, "UNAUTHORIZED", reason="expired"))


def test_boxctl_tokens(engine, check):
    user, tenant = str(uuid.uuid4()), str(uuid.uuid4())
    check("user", engine.get(LIST, engine.boxctl_token(user, "user")).status == 200)
    token = engine.boxctl_token(user, "organizer", "--tenant", tenant, "--email", "a@example.com", "--ttl", "60")
    event = engine.post(BASE + "/events", token, {"title": "x"}).data
    check("organizer of a tenant", (event["organizer_id"], event["tenant_id"]) == (user, tenant), event)


def test_ways_around_Z05(engine, check):
    user = engine.token()
    for name, value in (("X-HTTP-Method-Override", "POST"), ("X-Original-URL", "/metrics"), ("X-Rewrite-URL", "/metrics"),
                        ("X-Forwarded-Prefix", "/x"), ("X-User-Id", str(uuid.uuid4())), ("X-Role", "admin")):
        answer = engine.get(LIST, user, headers={name: value})
        check(f"{name} changes nothing", answer.status == 200 and answer.data == [], answer)
    check("metrics for nobody", engine.get("/metrics").is_refusal(401, "UNAUTHORIZED", reason="missing"))
    for role in ("user", "organizer"):
        check(f"metrics for {role}", engine.get("/metrics", engine.token(role)).is_refusal(403, "FORBIDDEN"))
    for path in ("/METRICS", "/metrics/", "//metrics", "/api/v1//metrics"):
        check(f"{path} is no way in", engine.get(path, contract=False).status in (400, 404))


def test_cors_A26(engine, check):
    path = BASE + "/bookings/reserve"
    ask = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST",
           "Access-Control-Request-Headers": "authorization,content-type,idempotency-key"}
    answer = engine.request("OPTIONS", path, headers=ask, contract=False)
    check("preflight", answer.status == 204 and answer.body == b"" and
          answer.headers["Access-Control-Allow-Origin"] == ORIGIN and
          "POST" in answer.headers["Access-Control-Allow-Methods"], answer.headers)
    allowed = answer.headers.get("Access-Control-Allow-Headers", "").lower()
    check("its headers", all(name in allowed for name in ("authorization", "content-type", "idempotency-key")), allowed)
    check("no credentials", answer.headers.get("Access-Control-Allow-Credentials") is None)
    check("varies", "Origin" in answer.headers.get("Vary", ""))
    for origin in ("null", ORIGIN + ".evil", "http://tickets.example", "https://tickets.example:8443",
                   "https://TICKETS.example.evil", "https://eviltickets.example", "*"):
        answer = engine.request("OPTIONS", path, headers={**ask, "Origin": origin}, contract=False)
        check(f"{origin}", answer.status == 204 and not [name for name in answer.headers if name.startswith("Access-Control")],
              answer.headers)
    answer = engine.get(BASE + "/events", headers={"Origin": ORIGIN})
    check("answers", answer.headers["Access-Control-Allow-Origin"] == ORIGIN and
          "X-Log-Position" in answer.headers["Access-Control-Expose-Headers"], answer.headers)
    answer = engine.get(LIST, headers={"Origin": ORIGIN})
    check("refusals too", answer.status == 401 and answer.headers["Access-Control-Allow-Origin"] == ORIGIN)
    answer = engine.request("OPTIONS", path, contract=False)
    check("plain OPTIONS", answer.status == 204 and answer.headers["Allow"] == "POST, OPTIONS", answer.headers)
    answer = engine.request("OPTIONS", "*", contract=False)
    check("H39 OPTIONS *", answer.status == 204 and "GET" in answer.headers["Allow"], answer.headers)
    check("OPTIONS of nothing", engine.request("OPTIONS", "/nothing", headers=ask, contract=False).status == 404)


def test_health_and_ready(engine, check):
    for base in ("", BASE):
        check(f"{base}/health", engine.get(base + "/health").data == {"status": "ok"})
        check(f"{base}/ready", engine.get(base + "/ready").data == {"status": "ready", "shards": 2})
        check(f"HEAD {base}/health", engine.request("HEAD", base + "/health").status == 200)


def parse_metrics(text):
    """Every sample by name and labels; raises where the format is broken."""
    samples, types, order = {}, {}, []
    for line in text.decode().splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, f"{name} twice"
            types[name] = kind
            order.append(name)
            continue
        match = re.fullmatch(r'(boxoffice_[a-z_]+)(\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? (\d+(?:\.\d+)?)', line)
        assert match, line
        family = re.sub(r"_(bucket|sum|count)$", "", match[1]) if types[order[-1]] == "histogram" else match[1]
        assert family == order[-1], f"{line} stands under {order[-1]}"
        samples[match[1] + (match[2] or "")] = float(match[3])
    return samples, types


def test_metrics(engine, check):
    admin, organizer = engine.token("admin"), engine.token("organizer")
    before, _ = parse_metrics(engine.get("/metrics", admin).body)
    _, _, zone = engine.make_zone(organizer, seats=2)
    engine.reserve(engine.token(), zone, 2)
    engine.reserve(engine.token(), zone, 1)
    answer = engine.get(BASE + "/metrics", admin)
    check("its type", answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer.headers)
    after, types = parse_metrics(answer.body)

    def rise(name):
        return after.get(name, 0) - before.get(name, 0)

    check("an accepted reserve", rise('boxoffice_decisions_total{kind="reserve",result="ok"}') == 1)
    check("a refused one", rise('boxoffice_decisions_total{kind="reserve",result="insufficient_stock"}') == 1)
    check("a zone", rise('boxoffice_decisions_total{kind="zone_create",result="ok"}') == 1)
    for family in ("boxoffice_request_duration_seconds", "boxoffice_log_flush_duration_seconds"):
        check(f"{family} is a histogram", types.get(family) == "histogram")
        buckets = [value for name, value in after.items() if name.startswith(family + "_bucket")]
        check(f"{family} rises", buckets == sorted(buckets) and buckets[-1] == after[family + "_count"] > 0, buckets)
    durables = []
    for shard in "01":
        check(f"shard {shard} is ready", after[f'boxoffice_ready{{shard="{shard}"}}'] == 1)
        durable, appended = (after[f'boxoffice_log_{n}_sequence{{shard="{shard}"}}'] for n in ("durable", "appended"))
        check(f"shard {shard} is durable", durable == appended, (durable, appended))
        durables.append(durable)
        check(f"shard {shard}'s mailbox is empty", after[f'boxoffice_mailbox_depth{{shard="{shard}"}}'] == 0)
    check("the changes are in the logs", sum(durables) >= 5, durables)
    check("requests are counted", sum(rise(f'boxoffice_requests_total{{shard="{s}"}}') for s in "01") >= 6)
    check("by class", sum(after[f'boxoffice_responses_total{{shard="{s}",class="4xx"}}'] for s in "01") > 0)
    check("C07 no ids", not re.search(rb"[0-9a-f]{8}-[0-9a-f]{4}", answer.body))


def test_request_ids(engine, check):
    answer = engine.get("/health", headers={"X-Request-ID": "abc-123_x.y"})
    check("taken over", answer.headers["X-Request-ID"] == "abc-123_x.y", answer.headers)
    seen = {engine.get("/health").headers["X-Request-ID"] for _ in range(20)}
    check("made unlike each other", len(seen) == 20)


def test_rate_limit_R01(engine, check):
    organizer, token = engine.token("organizer"), engine.token()
    _, _, zone = engine.make_zone(organizer, max_per_user=100)
    answers = [engine.reserve(token, zone) for _ in range(4)]
    check("a burst of three", [answer.status for answer in answers] == [201, 201, 201, 429], answers)
    last = answers[-1]
    check("it says for how long", last.is_refusal(429, "RATE_LIMITED", limit=6) and
          1 <= int(last.headers["Retry-After"]) <= 10 and last.headers["X-RateLimit-Limit"] == "6" and
          last.headers["X-RateLimit-Remaining"] == "0" and
          abs(int(last.headers["X-RateLimit-Reset"]) - time.time()) < 15, last.headers)
    check("nothing was taken", engine.zone(zone)["available_seats"] == 97)
    check("others go on", engine.reserve(engine.token(), zone).status == 201)
    check("R08 another spelling is no other limit", engine.reserve(token, {"id": zone["id"].upper()}).status == 429)


TESTS = [test for name, test in list(globals().items()) if name.startswith("test_")]

if __name__ == "__main__":
    sys.exit(main(TESTS, AUTH_METRICS_PUBLIC="false", RATE_LIMIT_ENABLED="true",
                  RATE_LIMIT_RESERVE_PER_MINUTE="6", RATE_LIMIT_RESERVE_BURST="3"))
