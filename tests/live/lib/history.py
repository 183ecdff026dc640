"""What clients saw, and whether an engine that keeps its promises can have shown it.

Black box (`check_black_box`): from requests and answers alone. White box
(`check_white_box`): with the log, each answer compared with the log's fold at
the position the answer names. Both return a list of violations, empty when good.
"""

import bisect
import heapq

from .client import Lost
from .model import Model

SLACK_MS = 100  # clients and engine read the same clock, but not in the same instant


class Op:
    """One request and what came of it. status None: no answer, so it may or may not be."""

    __slots__ = ("client", "user", "kind", "args", "key", "invoke_ns", "return_ns", "wall_ms",
                 "status", "code", "details", "position", "data", "replayed", "sent")

    def __init__(self, client, user, kind, args, key, invoke_ns, wall_ms):
        self.client = client
        self.user = user
        self.kind = kind  # reserve, confirm, cancel, get
        self.args = args  # zone, quantity | booking
        self.key = key
        self.invoke_ns = invoke_ns
        self.wall_ms = wall_ms  # Unix time of the invocation
        self.return_ns = None
        self.status = None
        self.code = None
        self.details = {}
        self.position = None
        self.data = None
        self.replayed = False
        self.sent = True

    def returned(self, answer, return_ns):
        """Notes the answer: a Response, or a Lost."""
        if isinstance(answer, Lost):
            self.sent = answer.sent
            return self
        self.return_ns = return_ns
        self.status = answer.status
        self.code = answer.error
        self.details = answer.details
        self.position = answer.position
        self.data = answer.data
        self.replayed = answer.replayed
        return self

    @property
    def good(self):
        return self.status in (200, 201)

    @property
    def unknown(self):
        """It may have had an effect that no answer told of."""
        return self.sent and (self.status is None or self.status >= 500)

    def __repr__(self):
        return (f"{self.client} {self.kind} {self.args} key={self.key} -> "
                f"{self.status} {self.code or ''} at {self.position}")


def until_ms(text):
    from .sale import unix_ms
    return unix_ms(text)


# --- both boxes ---


def check_keys(ops):
    """One key, one effect: every accepted answer to a key is the same; ids never repeat."""
    wrong = []
    by_key, by_booking = {}, {}
    for op in ops:
        if not op.good:
            continue
        name = (op.user, op.key) if op.key else id(op)
        said = (op.status, op.data)
        first = by_key.setdefault(name, (said, op))
        if first[0] != said:
            wrong.append(f"a key got two answers: {first[1]!r} {first[0]} and {op!r} {said}")
        if op.kind == "reserve":
            owner = by_booking.setdefault(op.data["booking_id"], name)
            if owner != name:
                wrong.append(f"booking id repeats: {op!r}, first given to {owner}")
    return wrong


# --- black box ---


class _Hold:
    """All that clients know of one reservation (or of one that may exist)."""

    def __init__(self, op):
        self.zone = op.args["zone"]
        self.user = op.user
        self.quantity = op.args["quantity"]
        self.first_invoke = op.invoke_ns
        self.acked_ns = None     # when some client first knew it held
        self.expires_ms = None
        self.confirm_acked = False
        self.confirm_tried = False
        self.cancel_tried_ns = None
        self.cancel_acked_ns = None


def _holds(ops):
    by_key, by_booking = {}, {}
    for op in sorted(ops, key=lambda op: op.invoke_ns):
        if op.kind == "reserve" and op.sent:
            name = (op.user, op.key) if op.key else id(op)
            hold = by_key.get(name)
            if hold is None:
                # A definite refusal has no effect, unless an earlier try of the key may have.
                if not op.good and not op.unknown:
                    continue
                hold = by_key[name] = _Hold(op)
            if op.good:
                hold.expires_ms = until_ms(op.data["expires_at"])
                if hold.acked_ns is None or op.return_ns < hold.acked_ns:
                    hold.acked_ns = op.return_ns
                by_booking[op.data["booking_id"]] = hold
    for op in ops:
        if op.kind not in ("confirm", "cancel") or not op.sent:
            continue
        hold = by_booking.get(op.args["booking"])
        if hold is None or not (op.good or op.unknown):
            continue
        if op.kind == "confirm":
            hold.confirm_tried = True
            hold.confirm_acked |= op.good
        else:
            tried = hold.cancel_tried_ns
            hold.cancel_tried_ns = op.invoke_ns if tried is None else min(tried, op.invoke_ns)
            if op.good:
                acked = hold.cancel_acked_ns
                hold.cancel_acked_ns = op.return_ns if acked is None else min(acked, op.return_ns)
    return list(by_key.values()), by_booking


def check_black_box(ops, capacity, limit=None):
    """capacity: zone -> seats. limit: tickets one user may ever hold or own (one event)."""
    wrong = check_keys(ops)
    if not ops:
        return wrong
    # Wall and monotonic time of the same machine: one offset serves the whole history.
    offset_ns = max(op.wall_ms * 1_000_000 - op.invoke_ns for op in ops)
    slack_ns = SLACK_MS * 1_000_000
    holds, by_booking = _holds(ops)
    forever = max(max(op.invoke_ns, op.return_ns or 0) for op in ops) + 10**15

    surely, maybe = {}, {}
    for hold in holds:
        expiry_ns = None if hold.expires_ms is None else hold.expires_ms * 1_000_000 - offset_ns
        # Surely held: from the answer on, until something may have ended it.
        if hold.acked_ns is not None:
            end = forever if hold.confirm_acked else expiry_ns - slack_ns
            if hold.cancel_tried_ns is not None:
                end = min(end, hold.cancel_tried_ns)
            if end > hold.acked_ns:
                surely.setdefault(hold.zone, []).append((hold.acked_ns, end, hold))
        # Possibly held: from the first try on, until something surely ended it.
        end = forever
        if hold.cancel_acked_ns is not None:
            end = hold.cancel_acked_ns
        if expiry_ns is not None and not hold.confirm_tried:
            end = min(end, expiry_ns + 1_000_000_000 + slack_ns)  # free again within a second
        maybe.setdefault(hold.zone, []).append((hold.first_invoke, end, hold.quantity))

    for zone, seats in capacity.items():
        wrong += _oversold(zone, seats, surely.get(zone, []))
        wrong += _sold_out_too_early(zone, seats, maybe.get(zone, []), ops)
    if limit is not None:
        wrong += _over_limit(limit, surely)
    wrong += _unreadable(ops, by_booking)
    return wrong


def _sweep(intervals):
    """(time, sum of weights) after each change; ends before starts at the same time."""
    steps = []
    for begin, end, weight in intervals:
        steps.append((begin, weight))
        steps.append((end, -weight))
    total = 0
    for at, change in sorted(steps):
        total += change
        yield at, total


def _oversold(zone, seats, surely):
    worst = max((total for _, total in
                 _sweep([(begin, end, hold.quantity) for begin, end, hold in surely])), default=0)
    return [f"oversold: {worst} of {seats} seats of {zone} held at once"] if worst > seats else []


def _over_limit(limit, surely):
    per_user = {}
    for intervals in surely.values():
        for begin, end, hold in intervals:
            per_user.setdefault(hold.user, []).append((begin, end, hold.quantity))
    wrong = []
    for user, intervals in per_user.items():
        worst = max(total for _, total in _sweep(intervals))
        if worst > limit:
            wrong.append(f"user {user} had {worst} tickets at once, limit {limit}")
    return wrong


def _sold_out_too_early(zone, seats, maybe, ops):
    """A refusal for want of seats needs an instant at which they may all have been gone."""
    times, totals = [], []
    for at, total in _sweep(maybe):
        times.append(at)
        totals.append(total)
    wrong = []
    for op in ops:
        if op.kind != "reserve" or op.code != "INSUFFICIENT_STOCK" or op.args["zone"] != zone:
            continue
        if op.replayed:
            continue  # it speaks of the moment of the first answer
        first = bisect.bisect_right(times, op.invoke_ns) - 1
        last = bisect.bisect_right(times, op.return_ns)
        most = max(totals[max(first, 0):last], default=0)
        if most + op.args["quantity"] <= seats:
            wrong.append(f"sold out too early: at most {most} of {seats} were held, {op!r}")
    return wrong


def _unreadable(ops, by_booking):
    """A reservation some client knows of is found by its owner from then on."""
    wrong = []
    for op in ops:
        if op.kind != "get" or op.status is None or op.status >= 500:
            continue
        hold = by_booking.get(op.args["booking"])
        if hold is None or hold.user != op.user:
            continue
        if op.status == 404 and hold.acked_ns is not None and hold.acked_ns < op.invoke_ns:
            wrong.append(f"an acknowledged booking is gone: {op!r}")
        if op.good and op.data["status"] == "confirmed" and not hold.confirm_tried:
            wrong.append(f"confirmed by nobody: {op!r}")
    return wrong


# --- white box ---


def check_white_box(ops, records, initial=()):
    """records: the dump of all shards. initial: (kind, user) pairs of writes outside `ops`."""
    model = Model().fold(records)
    wrong = list(model.violations)
    wrong += check_keys(ops)
    wrong += _real_time(ops)
    wrong += _each_acknowledged_once(ops, records, model)
    wrong += _each_record_was_sent(ops, records, set(initial))
    for op in ops:
        if op.status is not None and op.status < 500:
            wrong += _answer(op, model)
    return wrong


def _real_time(ops):
    """If A was answered before B was sent, B rests on no earlier position of the shard."""
    wrong, newest = [], {}
    returned = []  # a heap of answers not yet older than the current invocation
    for op in sorted((op for op in ops if op.position), key=lambda op: op.invoke_ns):
        while returned and returned[0][0] < op.invoke_ns:
            _, _, earlier = heapq.heappop(returned)
            shard, sequence = earlier.position
            if sequence > newest.get(shard, (0, None))[0]:
                newest[shard] = (sequence, earlier)
        shard, sequence = op.position
        most, earlier = newest.get(shard, (0, None))
        if sequence < most:
            wrong.append(f"time ran backwards: {op!r} was sent after the answer to {earlier!r}")
        heapq.heappush(returned, (op.return_ns, id(op), op))
    return wrong


def _effects(records):
    """(kind, booking) -> the records that made it so."""
    effects = {}
    for record in records:
        if record["kind"] in ("reserved", "confirmed", "cancelled"):
            effects.setdefault((record["kind"], record["booking_id"]), []).append(record)
    return effects


PAST = {"reserve": "reserved", "confirm": "confirmed", "cancel": "cancelled"}


def _each_acknowledged_once(ops, records, model):
    wrong, effects = [], _effects(records)
    for op in ops:
        if not op.good or op.kind not in PAST:
            continue
        booking = op.data["booking_id"]
        found = effects.get((PAST[op.kind], booking), [])
        if len(found) != 1:
            wrong.append(f"acknowledged, but {len(found)} times in the log: {op!r}")
            continue
        record = found[0]
        if op.position is None:
            wrong.append(f"an acknowledged write names no position: {op!r}")
        elif op.position[0] != record["shard"] or op.position[1] < record["sequence"]:
            wrong.append(f"answered before {record['shard']}:{record['sequence']}: {op!r}")
        if record["user_id"] != op.user:
            wrong.append(f"logged for another user: {op!r}")
    return wrong


def _each_record_was_sent(ops, records, initial):
    """Every effect has a request that asked for it: an acknowledged one, or one without an
    answer; and each of those accounts for one effect at most."""
    acked = {(PAST[op.kind], op.data["booking_id"]) for op in ops if op.good and op.kind in PAST}
    open_reserves, open_ends = {}, set()
    keys = set()
    answered_keys = {(op.user, op.key) for op in ops if op.good and op.key}
    for op in ops:
        if not op.unknown or op.kind not in PAST:
            continue
        if op.kind == "reserve":
            if op.key:
                if (op.user, op.key) in keys or (op.user, op.key) in answered_keys:
                    continue  # tries of one key are one request
                keys.add((op.user, op.key))
            name = (op.user, op.args["zone"], op.args["quantity"])
            open_reserves[name] = open_reserves.get(name, 0) + 1
        else:
            open_ends.add((PAST[op.kind], op.args["booking"]))
    wrong = []
    for record in records:
        kind = record["kind"]
        if kind not in ("reserved", "confirmed", "cancelled") or (kind, record["user_id"]) in initial:
            continue
        if (kind, record["booking_id"]) in acked:
            continue
        if kind == "reserved":
            name = (record["user_id"], record["zone_id"], record["quantity"])
            if open_reserves.get(name, 0) > 0:
                open_reserves[name] -= 1
                continue
        elif (kind, record["booking_id"]) in open_ends:
            continue
        wrong.append(f"nobody asked for {record['shard']}:{record['sequence']} {kind} "
                     f"{record['booking_id']} of {record['user_id']}")
    return wrong


def _answer(op, model):
    """The answer against the fold at its position."""
    if op.kind == "reserve":
        return _answer_reserve(op, model)
    booking = model.bookings.get(op.args["booking"])
    if booking is None:
        return [] if op.status == 404 else [f"an answer about a booking the log has not: {op!r}"]
    if op.user != booking.user:
        return [] if op.status in (403, 404) else [f"another user's booking was shown: {op!r}"]
    if op.position is None or op.replayed:
        return []
    shard, sequence = op.position
    status = booking.status_at(sequence)
    late = op.wall_ms + (op.return_ns - op.invoke_ns) // 1_000_000 + SLACK_MS >= booking.expires_ms
    told = op.details.get("status")
    if op.kind == "get":
        shown = op.data["status"] if op.good else None
        right = shown == status or (shown == "expired" and status == "reserved" and late)
    elif op.good:
        right = status == PAST[op.kind] and op.data["status"] == status
    elif op.code == "RESERVATION_EXPIRED":
        right = status == "expired" or (status == "reserved" and late)
    elif op.code == "INVALID_STATE":
        right = told == status and status != "reserved"
    else:
        right = op.code in ("IDEMPOTENCY_IN_PROGRESS", "IDEMPOTENCY_KEY_REUSED")
    return [] if right else [f"log says {status} at {shard}:{sequence}, answer {op.data} {op!r}"]


def _answer_reserve(op, model):
    zone = model.zones.get(op.args["zone"])
    if zone is None:
        return [] if op.status == 404 else [f"an answer about an unknown zone: {op!r}"]
    if op.good:
        booking = model.bookings.get(op.data["booking_id"])
        if booking is None:
            return []  # told already as acknowledged and not in the log
        wrong = []
        if booking.expires_ms != until_ms(op.data["expires_at"]):
            wrong.append(f"deadline differs from the log's {booking.expires_ms}: {op!r}")
        if op.data["quantity"] != booking.quantity or op.data["zone_id"] != booking.zone:
            wrong.append(f"what was sold is not what was logged: {op!r}")
        at = booking.history[0][0]
        if op.data["remaining_seats"] != zone.available_at(at):
            wrong.append(f"remaining_seats {op.data['remaining_seats']}, "
                         f"log has {zone.available_at(at)} at {at}: {op!r}")
        return wrong
    if op.code == "INSUFFICIENT_STOCK" and not op.replayed and op.position is not None:
        available = zone.available_at(op.position[1])
        if op.details.get("available") != available or op.args["quantity"] <= available:
            return [f"sold out with {available} left in the log at {op.position}: {op!r}"]
    if op.code == "MAX_PER_USER_EXCEEDED":
        limit, held = op.details.get("limit"), op.details.get("held")
        if held is None or limit is None or held + op.args["quantity"] <= limit:
            return [f"refused within the limit: {op!r} {op.details}"]
    return []
