"""Checks a report against the schema of the repository: report_schema.py SCHEMA REPORT..."""
import json
import sys

try:
    import jsonschema
except ImportError:
    sys.exit(77)


def refuse(name):
    raise ValueError("%s stands in the JSON" % name)


with open(sys.argv[1], encoding="utf-8") as stream:
    schema = json.load(stream)
jsonschema.Draft7Validator.check_schema(schema)
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as stream:
        jsonschema.validate(json.load(stream, parse_constant=refuse), schema)
