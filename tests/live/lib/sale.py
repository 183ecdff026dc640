"""An organizer's morning: an event, its show, its zones, all on sale."""

import datetime

from .client import Client, new_id
from . import tokens


def rfc3339(seconds):
    """A Unix time as the API writes it."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def unix_ms(text):
    """An API time as Unix milliseconds, exactly."""
    moment = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    moment = moment.replace(tzinfo=datetime.timezone.utc)
    return round(moment.timestamp() * 1000)


class Sale:
    """What was put on sale: .event, .show, .zones (ids) and a client of the organizer."""

    def __init__(self, engine, seats=(100,), max_per_user=4, price="1500.00", **event):
        self.engine = engine
        self.organizer = Client(engine, tokens.mint(engine, role="organizer"))
        title = event.pop("title", "Evening " + new_id()[:8])
        self.event = self._made("/api/v1/events", {
            "title": title, "venue": "Hall", "city": "Bangkok", "max_per_user": max_per_user,
            **event})
        self.show = self._made(f"/api/v1/events/{self.event}/shows",
                               {"name": "Friday", "show_date": "2030-06-01T19:00:00.000Z"})
        self.zones = [self.add_zone(count, price) for count in seats]
        self.zone = self.zones[0] if self.zones else None
        published = self.organizer.post(f"/api/v1/events/{self.event}/publish", key=new_id())
        if published.status != 200:
            raise AssertionError(f"publish: {published!r}")

    def add_zone(self, seats, price="1500.00"):
        # A JSON number with its decimals as written, not as a float prints.
        body = (f'{{"name":"Zone {new_id()[:4]}","kind":"general","currency":"THB",'
                f'"price":{price},"total_seats":{seats}}}').encode()
        return self._made(f"/api/v1/shows/{self.show}/zones", body)

    def _made(self, path, body):
        answer = self.organizer.post(path, body, key=new_id())
        if answer.status != 201:
            raise AssertionError(f"POST {path}: {answer!r}")
        return answer.data["id"]

    def counts(self, zone=None):
        """(available, reserved, sold) of a zone as the engine publishes it."""
        data = self.organizer.zone(zone or self.zone)
        return data["available_seats"], data["reserved_seats"], data["sold_seats"]


def buyer(engine, user=None):
    """A client with a token of its own (of a new user when none is named)."""
    user = user or new_id()
    client = Client(engine, tokens.mint(engine, user=user))
    client.user = user
    return client
