#!/usr/bin/python3
"""HTTP framing against a running server: what is refused, what is accepted, and that
the verdict does not depend on how the bytes are cut.

Each case of framing_cases.py is run five ways: whole; one byte a segment; cut at
every CR, LF and colon; behind a good request; and followed by another, which must
be answered exactly once if the connection is kept and never if it is closed.
"""

import concurrent.futures
import json
import re
import socket
import sys
import time

import framing_cases
from framing_cases import GOOD, HOST, JSON, chunked, get, post
from wire import Server, Tally

PIECES_MAX = 1500  # longer requests are cut into more than single bytes


def whole(raw):
    return [raw]


def bytewise(raw):
    step = 1 + len(raw) // PIECES_MAX
    return [raw[i:i + step] for i in range(0, len(raw), step)]


def at_marks(raw):
    pieces = re.findall(rb"[^\r\n:]+|[\r\n:]", raw)
    return pieces if len(pieces) <= PIECES_MAX else bytewise(raw)


def is_error_body(response):
    try:
        error = json.loads(response.body)["error"]
        return bool(error["code"] and error["message"] and error["details"]["request_id"])
    except (ValueError, KeyError, TypeError):
        return False


def judge_response(response, statuses, head):
    if response is None:
        return "no answer"
    if response.status not in statuses:
        return f"status {response.status}, not one of {sorted(statuses)}"
    for name in ("date", "x-request-id", "x-content-type-options", "server"):
        if not response.header(name):
            return f"{response.status} without {name}"
    if response.status >= 400 and response.header("cache-control") != "no-store":
        return "an error that may be cached"
    if response.status >= 400 and not head and not is_error_body(response):
        return f"not an error body: {response.body[:80]!r}"
    return None


def judge_end(client, kept, canary_sent):
    if not kept:
        return None if client.at_end() else "not closed, or bytes after the answer"
    if not canary_sent and not client.send(GOOD):
        return "closed"
    canary = client.response()
    if canary is None or canary.status != 200:
        return "the request behind it was not answered"
    return None if client.silent(0.02) else "answered more than once"


def run_case(server, pieces, before, after, statuses, kept, head):
    client = server.connect()
    try:
        if before or after:
            client.send(before + b"".join(pieces) + after)
        else:
            client.send_pieces(pieces)
        if before:
            first = client.response()
            if first is None or first.status != 200:
                return "the good request before it was not answered"
        response = client.response(head_request=head)
        problem = judge_response(response, statuses, head)
        return problem or judge_end(client, kept, bool(after))
    finally:
        client.close()


def all_ways(server, tally):
    ways = (("whole", whole, b"", b""), ("bytewise", bytewise, b"", b""),
            ("cut at marks", at_marks, b"", b""), ("behind a good one", whole, GOOD, b""),
            ("followed", whole, b"", GOOD))
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for name, raw, statuses, connection in framing_cases.cases():
            head = raw.startswith(b"HEAD ")
            for way, cut, before, after in ways:
                # An incomplete request would swallow what follows it.
                if after and "too short" in name:
                    continue
                pool.submit(tally.run, f"{name}, {way}", run_case, server, cut(raw), before,
                            after, statuses, connection == "K", head)


# --- what one request cannot show; each returns None or what went wrong ---

def ends_without_effect(server, raw):
    """H25, H26: an incomplete body and then the end."""
    client = server.connect()
    client.send(raw)
    client.finish()
    response = client.response()
    if response is not None and response.status != 400:
        return f"status {response.status}"
    return None if client.at_end() else "not closed"


def rest_is_a_new_request(server):
    """H27: what follows a short Content-Length is judged on its own."""
    client = server.connect()
    client.send(post(b"Content-Length: 2\r\n", b"{}GET /api/v1/bookings HTTP/1.1\r\n" + HOST
                     + b"\r\n"))
    statuses = [client.response().status, client.response().status]
    return None if statuses == [401, 401] else f"statuses {statuses}"


def rest_is_garbage(server):
    client = server.connect()
    client.send(post(b"Content-Length: 2\r\n", b"{}}}garbage\r\n\r\n"))
    statuses = [client.response().status, client.response().status]
    return None if statuses == [401, 400] and client.at_end() else f"statuses {statuses}"


def continues(server):
    """H30: 100 first, and only then does the client send its body."""
    client = server.connect()
    client.send(post(b"Expect: 100-continue\r\nContent-Length: 2\r\n"))
    while b"\r\n\r\n" not in client.buffer:
        if not client.fill(5):
            return "no 100"
    if not client.buffer.startswith(b"HTTP/1.1 100 "):
        return f"{client.buffer[:40]!r}"
    client.send(b"{}")
    response = client.response()
    return judge_response(response, {401}, False) or judge_end(client, True, False)


def continues_not_in_1_0(server):
    client = server.connect()
    client.send(b"POST /api/v1/bookings/reserve HTTP/1.0\r\n" + JSON
                + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}")
    response = client.response()
    if client.interim is not None:
        return "an interim response to HTTP/1.0"
    return judge_response(response, {401}, False)


def continues_in_order(server):
    """A 100 does not overtake the answers to the requests before it."""
    client = server.connect()
    client.send(GOOD * 5 + post(b"Expect: 100-continue\r\nContent-Length: 2\r\n"))
    for _ in range(5):
        response = client.response()
        if response is None or response.status != 200 or client.interim:
            return "not in order"
    while b"\r\n\r\n" not in client.buffer:
        if not client.fill(5):
            return "no 100"
    client.send(b"{}")
    return judge_response(client.response(), {401}, False)


def unread_body_is_no_request(server):
    """H31: after an early refusal nothing of the body is interpreted."""
    client = server.connect()
    client.send(post(b"Content-Length: 70000\r\n", GOOD * 20))
    problem = judge_response(client.response(), {413}, False)
    return problem or (None if client.at_end() else "more than one answer")


def nothing_after_close(server):
    """H49."""
    client = server.connect()
    client.send(get(fields=HOST + b"Connection: close\r\n") + GOOD * 10)
    response = client.response()
    if response is None or response.header("connection") != "close":
        return "no Connection: close"
    return None if client.at_end() else "answered after close"


def pipelined(server, count):
    """H50: all are answered, in order."""
    client = server.connect()
    requests = b"".join(get(fields=HOST + b"X-Request-ID: n%d\r\n" % i) for i in range(count))
    client.socket.setblocking(False)
    sent = answered = 0
    deadline = time.monotonic() + 20
    while answered < count and time.monotonic() < deadline:
        if sent < len(requests):
            try:
                sent += client.socket.send(requests[sent:sent + 65536])
            except BlockingIOError:
                pass
        client.fill(0.01)
        while b"\r\n\r\n" in client.buffer:
            response = client.response(0.5)
            if response is None:
                break
            if response.header("x-request-id") != f"n{answered}":
                return f"{response.header('x-request-id')} instead of n{answered}"
            answered += 1
    return None if answered == count else f"{answered} of {count} answered"


def pipelined_writes_in_order(server, token):
    """Answers that wait for the log and answers that do not, mixed on one connection."""
    client = server.connect()
    count = 60
    for i in range(count):
        if i % 2:
            body = b'{"title":"T%d"}' % i
            client.send(b"POST /api/v1/events HTTP/1.1\r\n" + HOST + JSON
                        + b"Authorization: Bearer " + token.encode() + b"\r\n"
                        + b"Idempotency-Key: k%d\r\nX-Request-ID: n%d\r\n" % (i, i)
                        + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        else:
            client.send(get(fields=HOST + b"X-Request-ID: n%d\r\n" % i))
    for i in range(count):
        response = client.response()
        if response is None:
            return f"no answer {i}"
        if response.header("x-request-id") != f"n{i}":
            return f"{response.header('x-request-id')} instead of n{i}"
        if response.status != (201 if i % 2 else 200):
            return f"status {response.status} of answer {i}: {response.body[:100]}"
    return None


def body_arrives_whole(server, token, pieces):
    """The API sees the decoded body, whatever the chunks were."""
    client = server.connect()
    if not client.send_pieces(pieces):
        return "closed"
    response = client.response()
    if response is None or response.status != 201:
        return f"{response and response.status} {response and response.body[:120]}"
    title = json.loads(response.body)["data"]["title"]
    return None if title == "Caf\u00e9 \u6f22 night" else f"title {title!r}"


def chunked_event(token, number, size):
    body = '{"title":"Caf\u00e9 \u6f22 night"}'.encode()
    chunks = b"".join(b"%x\r\n" % len(body[i:i + size]) + body[i:i + size] + b"\r\n"
                      for i in range(0, len(body), size))
    return (b"POST /api/v1/events HTTP/1.1\r\n" + HOST + JSON + b"Transfer-Encoding: chunked\r\n"
            + b"Authorization: Bearer " + token.encode() + b"\r\nIdempotency-Key: c%d\r\n\r\n"
            % number + chunks + b"0\r\nTrailer: x\r\n\r\n")


def good_bad_good(server):
    """H51."""
    client = server.connect()
    client.send(GOOD + b"GET /a b HTTP/1.1\r\n\r\n" + GOOD)
    statuses = [client.response().status, client.response().status]
    if statuses != [200, 400]:
        return f"statuses {statuses}"
    return None if client.at_end() else "answered after the bad one"


def request_id(server, sent, kept):
    """H52: an id is taken if well formed and replaced if not."""
    client = server.connect()
    client.send(get(fields=HOST + b"X-Request-ID: " + sent + b"\r\n"))
    response = client.response()
    if response is None or response.status != 200:
        return "refused"
    answered = response.headers["x-request-id"]
    if kept:
        return None if answered == [sent.decode()] else f"{answered}"
    return None if re.fullmatch(r"[0-9a-f-]{16,36}", answered[0]) else f"{answered}"


def head_has_no_body(server):
    """H53."""
    client = server.connect()
    client.send(get(method=b"HEAD") + GOOD)
    head = client.response(head_request=True)
    body = client.response()
    if head is None or body is None:
        return "no answer"
    same = head.header("content-length") == body.header("content-length")
    return None if same and len(body.body) > 0 else "HEAD and GET differ"


def no_content_has_no_length(server):
    client = server.connect()
    client.send(get(method=b"OPTIONS", target=b"*"))
    response = client.response()
    if response is None or response.status != 204 or not response.header("allow"):
        return "not 204 with Allow"
    return "Content-Length on 204" if response.header("content-length") else None


def media(server, token, fields, statuses):
    """H55, H56."""
    client = server.connect()
    client.send(b"POST /api/v1/events HTTP/1.1\r\n" + HOST + fields + b"Authorization: Bearer "
                + token.encode() + b"\r\nIdempotency-Key: m\r\nContent-Length: 2\r\n\r\n{}")
    return judge_response(client.response(), statuses, False) or judge_end(client, True, False)


def origin(server, sent, allowed):
    client = server.connect()
    client.send(get(fields=HOST + b"Origin: " + sent + b"\r\n"))
    response = client.response()
    answered = response.header("access-control-allow-origin")
    return None if answered == (sent.decode() if allowed else None) else f"{answered}"


def half_closed(server):
    """L14: a request, then FIN; the answer comes, then the end."""
    client = server.connect()
    client.send(GOOD * 3)
    client.finish()
    statuses = [client.response().status for _ in range(3)]
    return None if statuses == [200] * 3 and client.at_end() else f"{statuses}"


def flooded_after_error(server):
    """L15: what comes after an error answer is read to a bound, then the end."""
    client = server.connect()
    client.send(b"nonsense\r\n\r\n")
    client.socket.settimeout(5)
    sent = 0
    try:
        while sent < 64 << 20:
            sent += client.socket.send(b"x" * 65536)
    except OSError:
        pass
    return None if sent < 32 << 20 else f"{sent} bytes taken"


def singles(server, tally):
    token = server.token("organizer")
    run = tally.run
    run("H25 no last chunk, then FIN", ends_without_effect, server, chunked(b"5\r\nhello\r\n"))
    run("H26 short body, then FIN", ends_without_effect, server,
        post(b"Content-Length: 10\r\n", b"hello"))
    run("half a head, then FIN", ends_without_effect, server, b"GET / HT")
    run("H27 the rest is a new request", rest_is_a_new_request, server)
    run("H27 the rest is garbage", rest_is_garbage, server)
    run("H30 100 before the body", continues, server)
    run("H30 not in HTTP/1.0", continues_not_in_1_0, server)
    run("H30 100 in its turn", continues_in_order, server)
    run("H31 an unread body is no request", unread_body_is_no_request, server)
    run("H49 nothing after close", nothing_after_close, server)
    run("H50 64 pipelined", pipelined, server, 64)
    run("H50 10,000 pipelined", pipelined, server, 10000)
    run("H50 writes and reads mixed", pipelined_writes_in_order, server, token)
    run("H51 good, bad, good", good_bad_good, server)
    for number, size in enumerate((1, 2, 7, 1000)):
        raw = chunked_event(token, number, size)
        run(f"chunks of {size} decoded", body_arrives_whole, server, token, [raw])
        run(f"chunks of {size} decoded, bytewise", body_arrives_whole, server, token,
            bytewise(raw.replace(b"Key: c", b"Key: b")))
    for sent, kept in ((b"abc-1._Z", True), (b"a" * 64, True), (b"a" * 65, False), (b"", False),
                       (b"a b", False), (b'a"', False), (b"caf\xc3\xa9", False)):
        run(f"H52 request id {sent[:8]!r}", request_id, server, sent, kept)
    run("H53 HEAD", head_has_no_body, server)
    run("H53 204", no_content_has_no_length, server)
    for name, fields in (("none", b""), ("two", JSON + JSON),
                         ("utf-7", b"Content-Type: application/json; charset=utf-7\r\n"),
                         ("text", b"Content-Type: text/plain\r\n"),
                         ("H56 gzip", JSON + b"Content-Encoding: gzip\r\n")):
        run(f"H55 content type {name}", media, server, token, fields, {415})
    run("CORS allowed", origin, server, b"https://tickets.example", True)
    run("CORS other", origin, server, b"https://evil.example", False)
    run("CORS prefix", origin, server, b"https://tickets.example.evil", False)
    run("L14 half closed", half_closed, server)
    run("L15 flood after an error", flooded_after_error, server)


def main():
    tally = Tally()
    with Server(header_timeout_ms=8000, body_timeout_ms=20000) as server:
        all_ways(server, tally)
        singles(server, tally)
        tally.check("the server is still there", server.process.poll() is None,
                    "\n".join(server.lines[-5:]))
        tally.check("and stops when asked", server.stop() == 0, "exit status not 0")
    return tally.finish()


if __name__ == "__main__":
    sys.exit(main())
