"""The log folded by a second, naive model: dictionaries and linear scans, no care for speed.

It shares nothing with the engine but the meaning of the records. Every rule a
record breaks is an entry in .violations.
"""


class Booking:
    __slots__ = ("id", "user", "zone", "quantity", "status", "created_ms", "expires_ms",
                 "unit_price", "history", "payment")

    def __init__(self, record):
        self.id = record["booking_id"]
        self.user = record["user_id"]
        self.zone = record["zone_id"]
        self.quantity = record["quantity"]
        self.unit_price = record.get("unit_price_minor")
        self.status = "reserved"
        self.created_ms = record["stamp_ms"]
        self.expires_ms = record["stamp_ms"] + record["ttl_ms"]
        self.payment = None
        # (sequence, status) for each change: what the booking was at any position.
        self.history = [(record["sequence"], "reserved")]

    def status_at(self, sequence):
        known = None
        for at, status in self.history:
            if at <= sequence:
                known = status
        return known

    def move(self, record, status):
        self.status = status
        self.history.append((record["sequence"], status))


class Zone:
    def __init__(self, record):
        self.id = record["zone_id"]
        self.event = record["event_id"]
        self.total = record["total_seats"]
        self.reserved = 0
        self.sold = 0
        self.shards = {}  # epoch -> the shard of all records about it
        # available after each sequence that changed it, in order
        self.trail = [(0, self.total)]

    @property
    def available(self):
        return self.total - self.reserved - self.sold

    def available_at(self, sequence):
        low, high = 0, len(self.trail)
        while high - low > 1:
            middle = (low + high) // 2
            if self.trail[middle][0] <= sequence:
                low = middle
            else:
                high = middle
        return self.trail[low][1]


class Model:
    def __init__(self):
        self.events = {}
        self.zones = {}
        self.bookings = {}
        self.sequence = {}  # (epoch, shard) -> newest sequence
        self.stamp = {}
        self.keys = {}      # (user, key hash) -> the record kind and booking it had effect on
        self.violations = []

    def fold(self, records):
        """All shards' records. The catalog goes first: zones live in other shards' logs."""
        for record in records:
            if record["kind"] in ("event", "show", "zone"):
                self._catalog(record)
        for record in records:
            self._one(record)
        self._limits(records)
        return self

    def wrong(self, record, text):
        self.violations.append(f"{record['shard']}:{record['sequence']} {record['kind']}: {text}")

    def _catalog(self, record):
        if record["kind"] == "event":
            self.events[record["event_id"]] = record
        elif record["kind"] == "zone":
            known = self.zones.get(record["zone_id"])
            if known is None:
                self.zones[record["zone_id"]] = Zone(record)

    def _one(self, record):
        shard = (record.get("epoch", 1), record["shard"])  # dealt anew, logs begin anew
        expected = self.sequence.get(shard)
        if expected is not None and record["sequence"] != expected + 1:
            self.wrong(record, f"follows sequence {expected}")
        self.sequence[shard] = record["sequence"]
        if record["stamp_ms"] < self.stamp.get(shard, 0):
            self.wrong(record, "the stamp ran backwards")
        self.stamp[shard] = record["stamp_ms"]
        handler = getattr(self, "_" + record["kind"], None)
        if handler is not None:
            handler(record)

    def _key(self, record):
        if not record.get("key_hash"):
            return
        name = (record["actor_id"], record["key_hash"])
        effect = (record["kind"], record["booking_id"])
        if name in self.keys:
            self.wrong(record, f"second effect of a key, first was {self.keys[name]}")
        self.keys[name] = effect

    def _zone_of(self, record):
        zone = self.zones.get(record["zone_id"])
        if zone is None:
            self.wrong(record, "zone is unknown")
            return None
        epoch = record.get("epoch", 1)
        home = zone.shards.setdefault(epoch, record["shard"])
        if home != record["shard"]:
            self.wrong(record, f"zone lives on shard {home}")
        return zone

    def _changed(self, zone, record):
        zone.trail.append((record["sequence"], zone.available))
        if zone.available < 0:
            self.wrong(record, f"oversold: {-zone.available} too many")
        if zone.reserved < 0 or zone.sold < 0:
            self.wrong(record, "more given back than taken")

    def _reserved(self, record):
        self._key(record)
        if record["booking_id"] in self.bookings:
            self.wrong(record, "booking id repeats")
            return
        zone = self._zone_of(record)
        if zone is None:
            return
        self.bookings[record["booking_id"]] = Booking(record)
        zone.reserved += record["quantity"]
        self._changed(zone, record)
        if record["remaining"] != zone.available:
            self.wrong(record, f"says {record['remaining']} remain, model has {zone.available}")

    def _ends(self, record, booking_id, status, allowed):
        booking = self.bookings.get(booking_id)
        if booking is None:
            self.wrong(record, f"booking {booking_id} is unknown")
            return None
        if booking.status not in allowed:
            self.wrong(record, f"booking {booking_id} was {booking.status}")
            return None
        before = booking.status
        booking.move(record, status)
        return booking, before

    def _confirmed(self, record):
        self._key(record)
        moved = self._ends(record, record["booking_id"], "confirmed", ("reserved",))
        zone = self._zone_of(record)
        if moved is None or zone is None:
            return
        booking, _ = moved
        booking.payment = record.get("payment_id")
        if record["stamp_ms"] >= booking.expires_ms:
            self.wrong(record, f"confirmed {record['stamp_ms'] - booking.expires_ms} ms late")
        if record["quantity"] != booking.quantity or record["user_id"] != booking.user:
            self.wrong(record, "is not what was reserved")
        zone.reserved -= booking.quantity
        zone.sold += booking.quantity
        self._changed(zone, record)

    def _cancelled(self, record):
        self._key(record)
        moved = self._ends(record, record["booking_id"], "cancelled", ("reserved", "confirmed"))
        zone = self._zone_of(record)
        if moved is None or zone is None:
            return
        booking, before = moved
        if before == "reserved":
            if record["stamp_ms"] >= booking.expires_ms:
                self.wrong(record, "cancelled after its deadline")
            zone.reserved -= booking.quantity
        else:
            zone.sold -= booking.quantity
        self._changed(zone, record)

    def _expired(self, record):
        zone = self._zone_of(record)
        if zone is None:
            return
        for item in record["items"]:
            moved = self._ends(record, item["booking_id"], "expired", ("reserved",))
            if moved is None:
                continue
            booking, _ = moved
            if record["stamp_ms"] < booking.expires_ms:
                self.wrong(record, f"expired {booking.expires_ms - record['stamp_ms']} ms early")
            if booking.zone != record["zone_id"]:
                self.wrong(record, "expired under another zone")
            zone.reserved -= booking.quantity
        self._changed(zone, record)

    def _limits(self, records):
        """Held and confirmed tickets of a user per event never exceed the event's limit.

        Shards have no common order but time: what gives tickets back is taken as
        up to SLACK_MS older than its stamp, for a worker reads the clock once a turn.
        """
        steps = []
        for record in records:
            kind = record["kind"]
            if kind == "reserved":
                steps.append((record["stamp_ms"], 1, record["user_id"], record["zone_id"],
                              record["quantity"], record))
            elif kind == "cancelled":
                steps.append((record["stamp_ms"] - SLACK_MS, 0, record["user_id"],
                              record["zone_id"], -record["quantity"], record))
            elif kind == "expired":
                steps.extend((record["stamp_ms"] - SLACK_MS, 0, item["user_id"],
                              record["zone_id"], -item["quantity"], record)
                             for item in record["items"])
        held = {}
        for _, _, user, zone_id, change, record in sorted(steps, key=lambda step: step[:2]):
            zone = self.zones.get(zone_id)
            if zone is None:
                continue
            name = (user, zone.event)
            held[name] = held.get(name, 0) + change
            limit = self.events[zone.event]["max_per_user"]
            if change > 0 and held[name] > limit:
                self.wrong(record, f"user {user} has {held[name]} tickets, limit {limit}")


SLACK_MS = 200
