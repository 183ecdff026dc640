#!/usr/bin/python3
"""admin/railway.sh makes its railway on a running engine, once, and what it prints to
try works as printed."""

import os
import re
import subprocess
import sys

from api import BASE, BUILD, CONFIG, main
from openapi import ROOT


def run_script(engine):
    env = {**os.environ, "BUILD": BUILD, "CONFIG": CONFIG, "DAYS": "1", "BOXOFFICE_STORAGE_DATA_DIR": engine.data,
           "BOXOFFICE_SERVER_LISTEN": f"127.0.0.1:{engine.port}"}
    return subprocess.run([os.path.join(ROOT, "admin/railway.sh")], capture_output=True, text=True, timeout=60, env=env,
                          check=False)


def counts(engine):
    event = engine.get(BASE + "/events/bangladesh-railway").data
    return [engine.get(path).json["meta"]["total"] for path in
            (BASE + "/stations", BASE + "/routes", f"{BASE}/events/{event['id']}/shows")]


def test_railway(engine, check):
    first = run_script(engine)
    check("it ends well", first.returncode == 0, first.stderr[-500:])
    check("stations, routes, trips", counts(engine) == [11, 4, 5], counts(engine))
    again = run_script(engine)
    check("a second run adds nothing", again.returncode == 0 and counts(engine) == [11, 4, 5], counts(engine))
    commands = re.findall(r"^curl .*$", first.stdout, re.M)
    outputs = [subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=20, check=False).stdout
               for command in commands]
    check("three commands", len(outputs) == 3, first.stdout[-500:])
    check("1 finds a trip", '"name": "Subarna"' in outputs[0] and '"price": 205' in outputs[0], outputs[0])
    check("2 reserves", '"success":true' in outputs[1] and '"status":"reserved"' in outputs[1], outputs[1])
    check("3 shows seats that are free before", outputs[2].startswith("1: free free"), outputs[2])


if __name__ == "__main__":
    sys.exit(main([test_railway]))
