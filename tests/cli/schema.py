# SPDX-License-Identifier: Apache-2.0
"""schema.py SCHEMA good|bad FILE...: every file must, or must not, fit the schema."""
import json
import sys

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    """Times stay texts: JSON has none."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
failed = False
for name in sys.argv[3:]:
    with open(name, encoding="utf-8") as file:
        errors = list(validator.iter_errors(yaml.load(file, Loader)))
    if bool(errors) != (sys.argv[2] == "bad"):
        failed = True
        print(f"{name}: " + (f"{list(errors[0].absolute_path)}: {errors[0].message}"[:400] if errors else "is taken"))
sys.exit(failed)
