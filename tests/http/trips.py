"""Trips with their classes for the tests of bookings, and requests that are sent again."""

import time
import uuid

from api import BASE

DAY = "2030-01-01"


class Trip:
    """A trip of its own stations, an hour from each to the next, on sale at once."""

    def __init__(self, engine, organizer, stops=4, event=None, **more):
        self.engine, self.organizer, prefix = engine, organizer, uuid.uuid4().hex[:8].upper()
        self.stations = [self.made("/stations", {"code": f"{prefix}-{i}", "name": f"Stop {i}"}) for i in range(stops)]
        self.event = event or self.made("/events", {"title": "Line " + prefix, "max_per_user": 100, **more})
        if event is None:
            engine.post(f"{BASE}/events/{self.event['id']}/publish", organizer)
        self.show = self.made(f"/events/{self.event['id']}/shows", {"stops": [
            {"station": station["code"], "arrives_at": f"{DAY}T{6 + i:02}:00:00Z", "departs_at": f"{DAY}T{6 + i:02}:05:00Z"}
            for i, station in enumerate(self.stations)]})

    def made(self, path, body):
        answer = self.engine.post(BASE + path, self.organizer, body)
        assert answer.status == 201, answer
        return answer.data

    def seated(self, rows=None, **more):
        prices = {} if "price" in more else {"segment_prices": [10, 5.5, 7, 3][:len(self.stations) - 1]}
        return self.made(f"/shows/{self.show['id']}/zones", {
            "name": "Coach", "currency": "EUR", "kind": "seated", "rows": rows or [{"rows": "1..2", "seats": "1..6"}],
            **prices, **more})

    def standing(self, total=3, **more):
        prices = {} if "price" in more else {"segment_prices": [4, 2.25, 3, 1][:len(self.stations) - 1]}
        return self.made(f"/shows/{self.show['id']}/zones",
                         {"name": "Standing", "currency": "EUR", "total_seats": total, **prices, **more})

    def found(self, zone, from_stop, to_stop):
        """The zone as the search shows it between two stops, given by place."""
        query = f"from={self.stations[from_stop]['code']}&to={self.stations[to_stop]['id']}&date={DAY}"
        trips = self.engine.get(f"{BASE}/trips?{query}").data
        return next(a_class for trip in trips if trip["show_id"] == self.show["id"]
                    for a_class in trip["classes"] if a_class["zone_id"] == zone["id"])

    def left(self, zone):
        """What is left on each segment, then on the whole way."""
        last = len(self.stations) - 1
        ways = [(i, i + 1) for i in range(last)] + [(0, last)]
        return [self.found(zone, *way)["available_seats"] for way in ways]

    def comes_to(self, zone, wanted):
        """Whether the search tells these numbers, at once or soon."""
        return eventually(lambda: self.left(zone) == wanted)

    def states(self, zone, from_stop=None, to_stop=None):
        """Seats that are not free on a way, with their states."""
        query = "&".join(f"{name}={stop}" for name, stop in (("from_stop", from_stop), ("to_stop", to_stop))
                         if stop is not None)
        return states(self.engine, zone, query)


def states(engine, zone, query=""):
    rows = engine.get(f"{BASE}/zones/{zone['id']}/seats?{query}").data["rows"]
    return {f"{row['label']}-{seat['label']}": seat["state"] for row in rows for seat in row["seats"]
            if seat["state"] != "free"}


def eventually(holds, seconds=5):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True


class Repeats:
    """Requests with keys, kept with their first answers to be sent again."""

    def __init__(self, engine):
        self.engine = engine
        self.sent = []

    def send(self, name, token, path, body=None, method="POST"):
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        answer = self.engine.request(method, path, token, body, headers=headers)
        assert answer.status < 300, (name, answer)
        self.sent.append((name, method, path, token, body, headers, answer))
        return answer.data

    def check(self, check, when):
        for name, method, path, token, body, headers, first in self.sent:
            again = self.engine.request(method, path, token, body, headers=headers)
            wanted = first.body
            if first.json["data"].get("key"):  # an allotment's key is shown once
                wanted = first.body.replace(f'"{first.data["key"]}"'.encode(), b"null")
            check(f"{name} {when}: the same", (again.status, again.body) == (first.status, wanted), (first, again))
            check(f"{name} {when}: told to be a repeat", again.headers.get("Idempotent-Replayed") == "true", again)
