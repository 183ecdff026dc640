"""Requests that test the framing, one row each: name, bytes, the statuses that may
answer, and whether the connection is kept (K) or closed (X) afterwards.

The ids are those of our list of attacks: H for framing, L for limits.
"""

GOOD = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
HOST = b"Host: a\r\n"
JSON = b"Content-Type: application/json\r\n"
TARGET = b"POST /api/v1/bookings/reserve HTTP/1.1\r\n"  # 401 without a token, body read first
PATH = "/health"


def get(target=b"/health", fields=HOST, version=b"HTTP/1.1", method=b"GET"):
    return method + b" " + target + b" " + version + b"\r\n" + fields + b"\r\n"


def post(fields, body=b"", host=HOST):
    return TARGET + host + JSON + fields + b"\r\n" + body


def chunked(body):
    return post(b"Transfer-Encoding: chunked\r\n", body)


OK = {200}
NOT_ALLOWED_IN = {401}  # reached the API: the framing let it through
BAD = {400}


def content_lengths():
    yield "H01 CL before TE", post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                                   b"0\r\n\r\n")
    yield "H01 TE before CL", post(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                                   b"0\r\n\r\n")
    yield "H02 two CL differ", post(b"Content-Length: 5\r\nContent-Length: 6\r\n", b"{}   ")
    yield "H03 two CL equal", post(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"{}   ")
    yield "H03 CL list", post(b"Content-Length: 5, 5\r\n", b"{}   ")
    for value in (b"+5", b"-5", b"-0", b"0x5", b"5_0", b"5 0", b"5.0", b"5;", b"", b"abc",
                  "\uff15".encode(), b"0005", b"00", b"5\x0b", b"\xa05"):
        yield f"H04 H06 CL {value!r}", post(b"Content-Length: " + value + b"\r\n", b"{}   ")


def transfer_encodings():
    for value in (b"chunked, gzip", b"chunked, chunked", b",chunked", b"chunked,", b"",
                  b"chunked;q=1", b'"chunked"', b"\x0bchunked", b"\x0cchunked", b"chunked\x00",
                  b"\xa0chunked", b"chunked\x85", b"chunked chunked", b", ,chunked"):
        yield f"H09-H13 TE {value!r}", post(b"Transfer-Encoding: " + value + b"\r\n",
                                            b"0\r\n\r\n")
    yield "H10 two TE", post(b"Transfer-Encoding: chunked\r\n" * 2, b"0\r\n\r\n")
    yield "H14 blank before the colon", post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n")
    yield "H14 blank before the name", post(b" Transfer-Encoding: chunked\r\n", b"0\r\n\r\n")
    yield "H15 TE folded", post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n")
    yield "H16 TE in HTTP/1.0", (b"POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
                                 b"0\r\n\r\n")


def chunks():
    for size in (b"0x5", b"+5", b"-1", b" 5", b"5 ", b"5_", b"", b"G", b"5\t"):
        yield f"H18 chunk size {size!r}", chunked(size + b"\r\nhello\r\n0\r\n\r\n")
    yield "H19 chunk size of 17 digits", chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n")
    yield "H20 chunk data too long", chunked(b"4\r\nhello\r\n0\r\n\r\n")
    yield "H20 chunk data too short", chunked(b"6\r\nhello\r\n0\r\n\r\n")
    yield "H20 no line end after data", chunked(b"5\r\nhello0\r\n\r\n")
    yield "H20 CR X after data", chunked(b"5\r\nhello\rX0\r\n\r\n")
    yield "H20 LF X after data", chunked(b"5\r\nhello\nX0\r\n\r\n")
    yield "H21 bare LF after size", chunked(b"5\nhello\r\n0\r\n\r\n")
    yield "H21 bare LF after data", chunked(b"5\r\nhello\n0\r\n\r\n")
    yield "H21 bare LF at the end", chunked(b"5\r\nhello\r\n0\r\n\n")
    yield "H21 bare LF after last size", chunked(b"5\r\nhello\r\n0\n\r\n")
    for extension in (b";" + b"a" * 65536, b";a=\x00", b";a\r=b", b";a\n=b", b";", b';a="b',
                      b";;a", b";a=", b"; a=b", b";a =b", b'"', b';a="\\""'):
        yield (f"H23 extension {extension[:8]!r} of {len(extension)}",
               chunked(b"5" + extension + b"\r\nhello\r\n0\r\n\r\n"))
    yield "H24 trailer folded", chunked(b"0\r\nA: b\r\n c\r\n\r\n")
    yield "H24 trailer without colon", chunked(b"0\r\nabc\r\n\r\n")
    yield "H24 trailer with a control byte", chunked(b"0\r\nA: b\x01\r\n\r\n")


def bodies_where_none_belongs():
    inner = b"GET /admin HTTP/1.1\r\n12345678\r\n"
    for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"TRACE"):
        length = b"Content-Length: %d\r\n" % len(inner)
        yield (f"H28 H29 {method.decode()} with a body",
               get(method=method, fields=HOST + length) + inner)
        yield (f"H29 {method.decode()} with chunks",
               get(method=method, fields=HOST + b"Transfer-Encoding: chunked\r\n")
               + b"0\r\n\r\n")


def hosts():
    for name, fields in (("none", b""), ("two", b"Host: a\r\nHost: b\r\n"),
                         ("two equal", b"Host: a\r\nHost: a\r\n"), ("a list", b"Host: a,b\r\n"),
                         ("empty", b"Host:\r\n"), ("with path", b"Host: a/b\r\n"),
                         ("with user", b"Host: u@a\r\n"), ("with control", b"Host: a\x01\r\n"),
                         ("with blank", b"Host: a b\r\n"), ("with bad port", b"Host: a:8x\r\n"),
                         ("raw UTF-8", "Host: \u00e9\r\n".encode()),
                         ("open bracket", b"Host: [::1\r\n")):
        yield f"H32 Host {name}", get(fields=fields)
    yield "H33 target names another server", get(target=b"http://b/health")
    yield "H33 target without a server", get(target=b"http:///health")


def request_lines():
    for version in (b"HTTP/1", b"HTTP/01.1", b"http/1.1", b"HTTP/ 1.1", b"HTTP/1.1x",
                    b"HTTP/99999999999.1", b"HTTP/1.11", b"HTTP/1,1", b"HTP/1.1", b""):
        yield f"H35 version {version!r}", get(version=version)
    yield "H36 HTTP/0.9", b"GET /\r\n"
    yield "H36 HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield "H36 TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x55" * 64
    yield "H36 SSH banner", b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"
    yield "H37 tab after the method", b"GET\t/health HTTP/1.1\r\nHost: a\r\n\r\n"
    yield "H37 two blanks", b"GET  /health HTTP/1.1\r\nHost: a\r\n\r\n"
    yield "H37 two blanks before the version", b"GET /health  HTTP/1.1\r\nHost: a\r\n\r\n"
    yield "H37 blank in the target", b"GET /hea lth HTTP/1.1\r\nHost: a\r\n\r\n"
    yield "H37 no target", b"GET HTTP/1.1\r\nHost: a\r\n\r\n"
    yield "H37 a word too many", b"GET /health HTTP/1.1 x\r\nHost: a\r\n\r\n"
    yield "H37 blank at the start", b" GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    yield "H37 blank at the end", b"GET /health HTTP/1.1 \r\nHost: a\r\n\r\n"
    yield "H38 method of other characters", get(method=b'G=":<>"')
    yield "two empty lines first", b"\r\n\r\n" + GOOD


def targets():
    for target in (b"/he\x00lth", b"/a%00", b"/a%0d%0a", b"/a?b=%0D%0Ac", b"/caf\xc3\xa9",
                   b"/a#b", b"/a\\b", b"/%c0%af", b"/%e0%80%af", b"/%ed%a0%80", b"/%ff",
                   b"/%2e%2e/x", b"/a/%2E%2e", b"/../x", b"/a/./b", b"/a/..", b"/%", b"/%4",
                   b"/%zz", b"/a%2fb", b"/a%5cb", b'/a"b', b"/<a>", b"/a|b", b"/a^b", b"/a`b",
                   b"/a{b}", b"/a?b#c", b"health", b"?a", b"*", b"/a%7f", b"/a?b=%c0%af",
                   b"/%c3"):
        yield f"H46 target {target!r}", get(target=target)


def field_lines():
    for line in (b": a", b"A : b", b"[]: a", b"a@b: c", b"a\x00b: c", b"caf\xc3\xa9: a",
                 b"abc", b"a b: c", b"a(b): c", b"a\x7fb: c"):
        yield f"H41 line {line!r}", get(fields=HOST + line + b"\r\n")
    for value in (b"a\x00b", b"a\rb", b"a\nb", b"a\x7fb", b"a\x01b", b"a\x0bb", b"a\x1bb"):
        yield f"H42 value {value!r}", get(fields=HOST + b"A: " + value + b"\r\n")
    yield "H43 folded value", get(fields=HOST + b"A: b\r\n c\r\n")
    yield "H43 folded with tab", get(fields=HOST + b"A: b\r\n\tc\r\n")
    yield "H43 blank line of blanks first", get(fields=b" \r\n" + HOST)
    yield "H44 end by CR LF CR X", b"GET /health HTTP/1.1\r\nHost: a\r\n\rX"
    yield "H44 end by LF LF", b"GET /health HTTP/1.1\r\nHost: a\n\n"
    yield "H44 bare LF everywhere", b"GET /health HTTP/1.1\nHost: a\n\n"
    yield "H45 CR only", b"GET /health HTTP/1.1\rHost: a\r\r"
    yield "H57 control byte in a cookie", get(fields=HOST + b"Cookie: a=\x02\r\n")
    yield "two Authorization", get(fields=HOST + b"Authorization: Bearer a\r\n" * 2)
    yield "two Idempotency-Key", post(b"Idempotency-Key: a\r\nX-Idempotency-Key: b\r\n")


def refused():
    for group in (content_lengths, transfer_encodings, chunks, bodies_where_none_belongs, hosts,
                  request_lines, targets, field_lines):
        for name, raw in group():
            yield name, raw, BAD, "X"
    for value in (b"xchunked", b"chunkedchunked", b"identity", b"gzip", b"gzip, chunked"):
        yield (f"H07 H08 TE {value!r}", post(b"Transfer-Encoding: " + value + b"\r\n", b"0\r\n\r\n"),
               {501, 400}, "X")
    for value in (b"18446744073709551616", b"18446744073709551621", b"1" + b"0" * 40):
        yield f"H05 CL {value!r}", post(b"Content-Length: " + value + b"\r\n", b"{}"), {400, 413}, "X"
    yield "H19 chunk of 2^64-1", chunked(b"FFFFFFFFFFFFFFFF\r\nhello\r\n"), {400, 413}, "X"
    yield "H24 long trailers", chunked(b"0\r\n" + b"A: " + b"b" * 1100 + b"\r\n\r\n"), {431}, "X"
    yield "H30 unknown expectation", post(b"Expect: 200-ok\r\nContent-Length: 2\r\n", b"{}"), {417}, "X"
    for version in (b"HTTP/2.0", b"HTTP/9.9", b"HTTP/1.2", b"HTTP/0.9"):
        yield f"H35 version {version!r}", get(version=version), {505}, "X"
    yield "H38 method in lower case", get(method=b"get"), {501, 400}, "X"
    yield "H38 unknown method", get(method=b"BREW"), {501}, "X"
    yield "H38 method of 100 KB", get(method=b"M" * 100000), {501}, "X"
    yield "H57 cookie of 16 KiB", get(fields=HOST + b"Cookie: a=" + b"b" * 16384 + b"\r\n"), {431}, "X"
    yield "H57 500 cookies", get(fields=HOST + b"Cookie: a=b\r\n" * 500), {431}, "X"
    line = 8192 - len(b"GET  HTTP/1.1")
    yield "L01 line of 8193", get(target=b"/" + b"a" * line), {414}, "X"
    yield "L01 line of 100 KB", get(target=b"/" + b"a" * 100000), {414}, "X"
    yield "L02 field over 16 KiB", get(fields=HOST + b"A: " + b"b" * 16384 + b"\r\n"), {431}, "X"
    yield "L02 65 fields", get(fields=HOST + b"A: b\r\n" * 64), {431}, "X"
    yield "L02 10,000 fields", get(fields=HOST + b"A: b\r\n" * 10000), {431}, "X"
    yield "L03 body of 64 KiB and one", post(b"Content-Length: 65537\r\n"), {413}, "X"
    yield ("L04 the same in chunks", chunked(b"8000\r\n" + b"a" * 0x8000 + b"\r\n" + b"8001\r\n"),
           {413}, "X")
    yield ("H48 Connection: close", get(fields=HOST + b"Connection: close\r\n"), OK, "X")
    yield ("H48 keep-alive, close", get(fields=HOST + b"Connection: keep-alive, close\r\n"), OK, "X")
    yield "H34 HTTP/1.0 without Host", b"GET /health HTTP/1.0\r\n\r\n", OK, "X"


def accepted():
    yield "good", GOOD, OK, "K"
    yield "one empty line first", b"\r\n" + GOOD, OK, "K"
    yield "H14 Transfer_Encoding", post(b"Transfer_Encoding: chunked\r\n"), NOT_ALLOWED_IN, "K"
    yield "H17 TE Chunked", post(b"Transfer-Encoding: Chunked\r\n", b"0\r\n\r\n"), NOT_ALLOWED_IN, "K"
    yield ("H22 extensions", chunked(b'2;a=b;c;d="e f"\r\n{}\r\n0;x=y\r\n\r\n'), NOT_ALLOWED_IN, "K")
    yield ("H24 trailers", chunked(b"2\r\n{}\r\n0\r\nContent-Length: 9\r\nHost: b\r\n"
                                   b"Authorization: Bearer x\r\n\r\n"), NOT_ALLOWED_IN, "K")
    yield ("chunks of one byte", chunked(b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"), NOT_ALLOWED_IN, "K")
    yield "body by length", post(b"Content-Length: 2\r\n", b"{}"), NOT_ALLOWED_IN, "K"
    yield "length 0", post(b"Content-Length: 0\r\n"), NOT_ALLOWED_IN, "K"
    yield ("body that holds a request", post(b"Content-Length: %d\r\n" % len(GOOD), GOOD),
           NOT_ALLOWED_IN, "K")
    yield "H29 GET with length 0", get(fields=HOST + b"Content-Length: 0\r\n"), OK, "K"
    yield ("H30 100-continue", post(b"Expect: 100-continue\r\nContent-Length: 2\r\n", b"{}"),
           NOT_ALLOWED_IN, "K")
    yield "H30 expectation without a body", get(fields=HOST + b"Expect: 100-continue\r\n"), OK, "K"
    yield "H33 absolute target", get(target=b"http://a/health"), OK, "K"
    yield "H33 absolute target in capitals", get(target=b"HTTP://A/health"), OK, "K"
    for host in (b"a:8080", b"127.0.0.1", b"[::1]:80", b"[::1]", b"xn--a_b.example", b"a:"):
        yield f"H32 Host {host!r}", get(fields=b"Host: " + host + b"\r\n"), OK, "K"
    yield "H39 TRACE", get(method=b"TRACE"), {405, 501}, "K"
    yield "H39 CONNECT", get(method=b"CONNECT", target=b"a:80"), {405, 501}, "K"
    yield "H39 OPTIONS *", get(method=b"OPTIONS", target=b"*"), {204}, "K"
    yield "H40 known path, wrong method", get(method=b"PUT"), {405}, "K"
    yield "H40 PATCH", get(method=b"PATCH"), {405}, "K"
    yield ("H47 Upgrade", get(fields=HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"), OK, "K")
    yield ("H47 h2c", get(fields=HOST + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                                        b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"), OK, "K")
    yield ("H47 Upgrade by POST", post(b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
                                       b"Content-Length: 2\r\n", b"{}"), NOT_ALLOWED_IN, "K")
    yield "H48 Connection: Authorization", get(fields=HOST + b"Connection: Authorization\r\n"), OK, "K"
    yield ("H54 Range and friends", get(fields=HOST + b"Range: bytes=" + b"0-1," * 1000 + b"2-3\r\n"
                                        b"If-Match: ?\r\nIf-Modified-Since: never\r\n"
                                        b"Accept: ///;q=9\r\n"), OK, "K")
    yield "values of obsolete text", get(fields=HOST + b"A: caf\xe9\r\n"), OK, "K"
    yield "tabs around a value", get(fields=b"Host:\ta\t\r\nA:\tb\tc\r\n"), OK, "K"
    yield "empty value", get(fields=HOST + b"A:\r\nB: \r\n"), OK, "K"
    yield "63 more fields", get(fields=HOST + b"A: b\r\n" * 63), OK, "K"
    yield "escapes in the path", get(target=b"/%68ealth"), OK, "K"
    yield "escaped UTF-8", get(target=b"/caf%c3%a9"), {404}, "K"
    yield "query of everything", get(target=b"/health?a=b&c=%20;/?:@!$'()*+,"), OK, "K"
    yield "dots in names", get(target=b"/a.b/..c/d..e/..."), {404}, "K"
    line = 8192 - len(b"GET  HTTP/1.1")
    yield "L01 line of 8192", get(target=b"/health?" + b"a" * (line - 8)), OK, "K"
    fill = 16384 - len(HOST) - len(b"A: \r\n\r\n")
    yield "L02 16 KiB of fields", get(fields=HOST + b"A: " + b"b" * fill + b"\r\n"), OK, "K"
    yield ("L03 body of 64 KiB", post(b"Content-Length: 65536\r\n", b"a" * 65536),
           NOT_ALLOWED_IN, "K")
    yield ("L04 the same in chunks", chunked(b"8000\r\n" + b"a" * 0x8000 + b"\r\n" + b"8000\r\n"
                                             + b"a" * 0x8000 + b"\r\n0\r\n\r\n"),
           NOT_ALLOWED_IN, "K")


def cases():
    yield from refused()
    yield from accepted()
