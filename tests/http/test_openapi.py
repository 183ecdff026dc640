#!/usr/bin/python3
"""docs/openapi.yaml says what the route table says, path by path, both ways; its
references lead somewhere and its examples fit its own schemas."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from openapi import Document, ROOT  # noqa: E402

SECURITY = {"none": [], "optional": [{}, {"token": []}], "user": None, "organizer": None}


def routes():
    build = os.environ.get("BUILD", "build")
    program = os.path.join(ROOT, build, "tests/test_router")
    text = subprocess.run([program, "--dump"], check=True, capture_output=True, text=True).stdout
    return {(method, path): auth for method, path, auth in (line.split() for line in text.splitlines())}


def references(node, where="$"):
    if isinstance(node, dict):
        for name, member in node.items():
            if name == "$ref":
                yield where, member
            else:
                yield from references(member, f"{where}/{name}")
    elif isinstance(node, list):
        for i, member in enumerate(node):
            yield from references(member, f"{where}/{i}")


def media_types(document):
    for (method, path), operation in document.operations().items():
        bodies = [("request", document.resolve(operation.get("requestBody", {})))]
        bodies += [(status, document.resolve(response)) for status, response in operation["responses"].items()]
        for name, body in bodies:
            for media in body.get("content", {}).values():
                yield f"{method} {path} {name}", media


def main():
    document = Document()
    table, contract = routes(), document.operations()
    passed, failures = 0, []

    def check(claim, holds):
        nonlocal passed
        if holds:
            passed += 1
        else:
            failures.append(claim)

    check("the route table is not empty", len(table) > 20)
    for route in sorted(table.keys() | contract.keys()):
        check(f"{route} is in the route table", route in table)
        check(f"{route} is in openapi.yaml", route in contract)
    for route in sorted(table.keys() & contract.keys()):
        operation = contract[route]
        check(f"{route} asks for the same token", operation.get("security") == SECURITY[table[route]])
        statuses = set(operation["responses"])
        check(f"{route} documents 401", ("401" in statuses) == (table[route] != "none"))
        check(f"{route} documents 403", "403" in statuses or table[route] != "organizer")
        named = {p["name"] for p in map(document.resolve, operation.get("parameters", []) +
                                        document.tree["paths"][route[1]].get("parameters", []))
                 if p["in"] == "path"}
        check(f"{route} describes its path", named == {part.strip("{}") for part in route[1].split("/")
                                                       if part.startswith("{")})
    ids = [operation["operationId"] for operation in contract.values()]
    check("operation ids are unique", len(ids) == len(set(ids)))
    for where, target in references(document.tree):
        try:
            check(f"{where}: {target} exists", document.resolve({"$ref": target}) is not None)
        except KeyError:
            check(f"{where}: {target} exists", False)
    for where, media in media_types(document):
        if "example" in media:
            example = json.loads(json.dumps(media["example"]))
            faults = document.faults(media["schema"], example, where)
            check("; ".join(faults) or where, not faults)
    used = {target for _, target in references(document.tree)}
    for kind in ("schemas", "responses", "parameters", "headers", "requestBodies"):
        for name in document.tree["components"][kind]:
            check(f"{kind}/{name} is used", f"#/components/{kind}/{name}" in used)
    for failure in failures:
        print("FAIL", failure)
    print(f"{passed} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
