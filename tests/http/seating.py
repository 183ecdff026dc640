"""Seated zones and trips for the tests of bookings, made over the API."""

import uuid

from api import BASE

RESERVE = BASE + "/bookings/reserve"


def seated_zone(engine, organizer, rows=None, price="1500.00", show=None, **event):
    """(event, show, zone): rows A to D of ten seats each unless told otherwise."""
    if show is None:
        made = engine.post(BASE + "/events", organizer, {"title": "Seated " + uuid.uuid4().hex,
                                                         "max_per_user": 100, **event}).data
        show = engine.post(f"{BASE}/events/{made['id']}/shows", organizer,
                           {"show_date": "2030-01-01T20:00:00Z"}).data
        engine.post(f"{BASE}/events/{made['id']}/publish", organizer)
    else:
        made = {"id": show["event_id"]}
    answer = engine.post(f"{BASE}/shows/{show['id']}/zones", organizer,
                         {"name": "Stalls", "price": float(price), "currency": "THB", "kind": "seated",
                          "rows": rows or [{"rows": "A..D", "seats": "1..10"}]})
    assert answer.status == 201, answer
    return made, show, answer.data


def general_zone(engine, organizer, show, seats=100, price=1500):
    """One more zone of a show."""
    answer = engine.post(f"{BASE}/shows/{show['id']}/zones", organizer,
                         {"name": "Floor", "price": price, "currency": "THB", "total_seats": seats})
    assert answer.status == 201, answer
    return answer.data


def take(engine, token, zone, *seats, **more):
    """Reserves seats by their labels."""
    key = more.pop("key", None)
    return engine.post(RESERVE, token, {"zone_id": zone["id"], "seats": list(seats), **more}, key=key)


def best(engine, token, zone, quantity, **more):
    key = more.pop("key", None)
    return engine.post(RESERVE, token, {"zone_id": zone["id"], "quantity": quantity, **more}, key=key)


def fill(engine, token, zone, seats):
    """Takes many seats, eight at a time, so that the next to choose from are known."""
    taken = []
    for i in range(0, len(seats), 8):
        answer = take(engine, token, zone, *seats[i:i + 8])
        assert answer.status == 201, answer
        taken.append(answer.data)
    return taken


def path_of(booking):
    return f"{BASE}/bookings/{booking['booking_id']}"


def counts(engine, zone):
    """(available, reserved, sold)"""
    seen = engine.zone(zone)
    return seen["available_seats"], seen["reserved_seats"], seen["sold_seats"]
