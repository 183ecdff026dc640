"""docs/openapi.yaml as a test reads it: operations, and a check of values against
the part of JSON Schema that the document uses."""

import json
import os
import re

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
METHODS = ("get", "post", "put", "delete", "patch")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
KNOWN = {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "format",
         "pattern", "minimum", "maximum", "minLength", "maxLength", "description", "examples", "default",
         "$ref", "oneOf"}


def same(a, b):
    """Equal, and not because True is 1."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


class Document:
    def __init__(self):
        with open(os.path.join(ROOT, "docs/openapi.yaml"), encoding="utf-8") as source:
            self.tree = yaml.safe_load(source)

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.tree
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def operations(self):
        """(METHOD, path) -> operation."""
        return {(method.upper(), path): item[method]
                for path, item in self.tree["paths"].items() for method in METHODS if method in item}

    def find(self, method, path):
        """The operation a request's path belongs to; literal paths win."""
        found = None
        for (known, pattern), operation in self.operations().items():
            expression = re.sub(r"\{[^}]*\}", "[^/]+", pattern)
            if known == method and re.fullmatch(expression, path):
                if "{" not in pattern:
                    return operation
                found = found or operation
        return found

    def faults(self, schema, value, where="$"):
        """What is wrong with a value: a list of sentences, empty when nothing is."""
        schema = self.resolve(schema)
        unknown = set(schema) - KNOWN
        if unknown:
            return [f"{where}: the check does not know {sorted(unknown)}"]
        if "oneOf" in schema:
            fitting = [one for one in schema["oneOf"] if not self.faults(one, value, where)]
            return [] if len(fitting) == 1 else [f"{where}: fits {len(fitting)} of oneOf"]
        out = []
        if "const" in schema and not same(value, schema["const"]):
            out.append(f"{where}: {value!r} is not {schema['const']!r}")
        if "enum" in schema and value not in schema["enum"]:
            out.append(f"{where}: {value!r} is none of {schema['enum']}")
        if "type" in schema and not self.has_type(schema["type"], value):
            return out + [f"{where}: {value!r} is not {schema['type']}"]
        if isinstance(value, str):
            out += self.text_faults(schema, value, where)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if value < schema.get("minimum", value) or value > schema.get("maximum", value):
                out.append(f"{where}: {value} is out of range")
        if isinstance(value, list) and "items" in schema:
            for i, item in enumerate(value):
                out += self.faults(schema["items"], item, f"{where}[{i}]")
        if isinstance(value, dict):
            out += self.object_faults(schema, value, where)
        return out

    def object_faults(self, schema, value, where):
        out = [f"{where}: {name} is missing" for name in schema.get("required", []) if name not in value]
        properties = schema.get("properties", {})
        for name, member in value.items():
            if name in properties:
                out += self.faults(properties[name], member, f"{where}.{name}")
            elif schema.get("additionalProperties", True) is False:
                out.append(f"{where}: {name} is not in the contract")
        return out

    @staticmethod
    def text_faults(schema, value, where):
        out = []
        expected = {"date-time": TIME, "uuid": UUID}.get(schema.get("format"))
        if expected and not expected.match(value):
            out.append(f"{where}: {value!r} is no {schema['format']} of ours")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            out.append(f"{where}: {value!r} does not match {schema['pattern']}")
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            out.append(f"{where}: {len(value)} characters")
        return out

    @staticmethod
    def has_type(types, value):
        kinds = {"object": dict, "array": list, "string": str, "null": type(None), "boolean": bool}
        for name in types if isinstance(types, list) else [types]:
            if name == "integer" and isinstance(value, int) and not isinstance(value, bool):
                return True
            if name == "number" and isinstance(value, (int, float)) and not isinstance(value, bool):
                return True
            if name in kinds and isinstance(value, kinds[name]):
                return True
        return False

    def response_faults(self, method, path, status, content_type, body):
        """Does this answer keep the contract?"""
        operation = self.find("GET" if method == "HEAD" else method, path)
        if operation is None:
            return [f"{method} {path} is not in the contract"]
        response = self.resolve(operation["responses"].get(str(status)))
        if response is None:
            return [f"{method} {path}: {status} is not in the contract"]
        content = response.get("content")
        if content is None or method == "HEAD":
            return [] if body == b"" else [f"{method} {path}: {status} has a body"]
        media = content.get(content_type.split(";")[0])
        if media is None:
            return [f"{method} {path}: {content_type} is not in the contract"]
        if not content_type.startswith("application/json"):
            return []
        return self.faults(media["schema"], json.loads(body), f"{method} {path} {status}")
