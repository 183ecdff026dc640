"""The log as `boxreplay dump` prints it, made flat for the model."""

from .sale import unix_ms


def flat(line):
    """One dumped record as the dictionary that model.Model folds."""
    facts = line["facts"]
    record = {"epoch": line["epoch"], "shard": line["shard"], "sequence": line["sequence"],
              "kind": line["kind"], "stamp_ms": unix_ms(line["at"]),
              "actor_id": line["actor"]["id"],
              "key_hash": line["key"]["hash"] if line["key"] else None}
    record.update((name, value) for name, value in facts.items() if name != "kind")
    if line["kind"] in ("event", "show", "zone"):
        record[line["kind"] + "_id"] = facts["id"]
    if line["kind"] == "expired":
        record["items"] = record.pop("bookings")
    return record


def records(engine):
    return [flat(line) for line in engine.dump()]
