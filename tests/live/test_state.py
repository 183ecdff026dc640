#!/usr/bin/env python3
"""RT: the log says now and then what the state is; a start and a verify that reach another refuse."""

import ctypes
import os
import struct

from lib import log
from lib.cases import check, equal, main
from lib.engine import Engine
from lib.inventory import Inventory

EXIT_BUG = 70
BLOCK = 4096
STATE = b"\x97\x21\xcf"  # an array of seven fields, kind 33, and the stamp


def xxh3(data):
    library = ctypes.CDLL("libxxhash.so.0")
    library.XXH3_64bits.restype = ctypes.c_uint64
    library.XXH3_64bits.argtypes = (ctypes.c_char_p, ctypes.c_size_t)
    return library.XXH3_64bits(data, len(data))


def forge_state(path):
    """Another state in the last block with a RECORD_STATE, with all hashes right."""
    with open(path, "r+b") as file:
        content = file.read()
        for at in range(len(content) - BLOCK, 0, -BLOCK):
            begin = content.find(STATE, at + 64, at + BLOCK)
            if content[at:at + 4] != b"BLK1" or begin < 0:
                continue
            length = struct.unpack_from("<I", content, at + 12)[0]
            size = (64 + length + BLOCK - 1) // BLOCK * BLOCK
            block = bytearray(content[at:at + size])
            block[begin - at + 16] ^= 1  # stamp, role, actor, key, fingerprint, then the hash
            struct.pack_into("<Q", block, 48, xxh3(bytes(block[64:])))
            struct.pack_into("<Q", block, 56, xxh3(bytes(block[:56])))
            file.seek(at)
            file.write(block)
            return
    raise AssertionError("no RECORD_STATE in " + path)


def segments(engine, shard):
    folder = os.path.join(engine.data, "epoch-000001", f"shard-{shard:03d}")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))
            if name.startswith("segment-")]


def test_another_state_refuses_the_start_RT():
    """A state that the log's records do not lead to: the engine and verify exit 70 and name RT; as
    it was, both go on."""
    engine = Engine(shards=2, ttl=600).start()
    Inventory(engine).run()
    equal(engine.stop(), 0)
    states = [record for record in log.records(engine) if record["kind"] == "state"]
    equal(len(states), 2, "one state a shard at a clean stop")
    path = segments(engine, 1)[0]
    kept = open(path, "rb").read()
    forge_state(path)
    done = engine.boxreplay("verify", check=False)
    equal(done.returncode, EXIT_BUG, done.stdout + done.stderr)
    check("[case RT]" in done.stderr and "state" in done.stderr, done.stderr)
    equal(engine.start(wait=False).wait(), EXIT_BUG, engine.tail())
    check('"RT"' in engine.tail() and "state" in engine.tail(), engine.tail())
    with open(path, "r+b") as file:
        file.write(kept)
    verified = engine.boxreplay("verify").stdout
    check("states told by the log and found so: 2" in verified, verified)
    engine.start()
    equal(engine.stop(), 0)
    engine.kill()


def test_states_of_other_shard_counts():
    """From two shards to three: verify compares the states of both epochs, the engine goes on."""
    engine = Engine(shards=2, ttl=600).start()
    Inventory(engine).run()
    equal(engine.stop(), 0)
    engine.shards = 3
    engine.start()
    Inventory(engine).run()
    equal(engine.stop(), 0)
    verified = engine.boxreplay("verify").stdout
    check("states told by the log and found so: 5" in verified, verified)
    engine.start()
    equal(engine.stop(), 0)
    engine.kill()


if __name__ == "__main__":
    main(globals())
