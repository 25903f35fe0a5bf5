# SPDX-License-Identifier: Apache-2.0
"""What a document for scanners must be: OpenVEX 0.2.0 by the rules of its specification,
CycloneDX by its own schema, which npm's @cyclonedx/cyclonedx-library carries and asks.

That is installed beside the build, once, where there is node and npm reaches a registry; else
only what the specification demands is looked for. GRAFT_CYCLONEDX names a folder that has it.
"""
import copy
import datetime
import functools
import json
import os
import re
import shutil
import subprocess

from stage import LONG, ROOT, check, same

PACKAGES = ("@cyclonedx/cyclonedx-library@10.3.0", "ajv@8.17.1", "ajv-formats@3.0.1",
            "ajv-formats-draft2019@1.6.1")
ASK = """const { Validation } = require('@cyclonedx/cyclonedx-library');
const all = JSON.parse(require('fs').readFileSync(0, 'utf8'));
(async () => {
	for (const one of all) {
		const v = new Validation.JsonStrictValidator(one.specVersion);
		console.log(JSON.stringify(await v.validate(JSON.stringify(one))));
	}
})().catch(why => { console.error(why); process.exit(1); });
"""


@functools.cache
def modules():
    """The folder that has the packages, or None."""
    build = os.path.abspath(os.environ.get("GRAFT_BUILD", os.path.join(ROOT, "build")))
    folder = os.environ.get("GRAFT_CYCLONEDX", os.path.join(build, "cyclonedx"))
    found = os.path.join(folder, "node_modules")
    if not shutil.which("node"):
        return None
    if os.path.isdir(os.path.join(found, "@cyclonedx/cyclonedx-library")):
        return found
    try:
        subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix",
                        folder, *PACKAGES], capture_output=True, timeout=LONG, check=True,
                       stdin=subprocess.DEVNULL)
    except (subprocess.SubprocessError, OSError):
        return None
    return found


def wrongs(documents):
    """What the schema of CycloneDX says against each; None: nothing."""
    done = subprocess.run(["node", "-e", ASK], input=json.dumps(documents), text=True, check=False,
                          capture_output=True, env={**os.environ, "NODE_PATH": modules()},
                          timeout=LONG)
    same((done.returncode, done.stderr), (0, ""), "the validator")
    return [json.loads(line) for line in done.stdout.splitlines()]


def is_cyclonedx(text):
    """Fail unless it is a document of CycloneDX; returns it."""
    document = json.loads(text)
    same((document["bomFormat"], document["specVersion"], document["version"]),
         ("CycloneDX", "1.5", 1), "what it says it is")
    known = [one["bom-ref"] for one in document["components"]]
    same(len(set(known)), len(known), "components that are named once")
    for one in document["vulnerabilities"]:
        check(one["affects"] and {a["ref"] for a in one["affects"]} <= set(known), one)
    if not modules():
        print("# no validator of CycloneDX here: node and npm would get one", flush=True)
        return document
    # It is asked about what is wrong, too, so that we know that it looks.
    bad = copy.deepcopy(document)
    bad["metadata"]["component"]["type"] = "host"
    worse = copy.deepcopy(document)
    worse["graft"] = 1
    good, *others = wrongs([document, bad, worse])
    same(good, None, "what the schema says against it")
    check(all(others), "the validator finds nothing wrong with what is")
    return document


def only(struct, required, optional, where):
    """Exactly these members, each of its kind."""
    check(isinstance(struct, dict), f"{where} is no object")
    check(set(required) <= set(struct), f"{where} lacks {set(required) - set(struct)}")
    kinds = {**required, **optional}
    for name, value in struct.items():
        check(name in kinds, f"{where} has {name}, which OpenVEX does not know")
        check(kinds[name](value), f"{where}.{name}: {value!r}")


def is_text(value):
    return isinstance(value, str)


def is_iri(value):
    # RFC 3986: a scheme, and no character that is none of an URI.
    return is_text(value) and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[!#$&-;=?-Z_a-z~\[\]]|%[0-9A-Fa-f]{2})+",
                                           value) is not None


def is_time(value):
    return is_text(value) and re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value) is not None and bool(
            datetime.datetime.fromisoformat(value))


def is_number(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_list(value):
    # Nothing twice.
    return isinstance(value, list) and len({json.dumps(one) for one in value}) == len(value)


def check_statement(one, where):
    """A statement of OpenVEX 0.2.0."""
    only(one, {"vulnerability": lambda v: isinstance(v, dict),
               "status": lambda s: s in ("not_affected", "affected", "fixed", "under_investigation")},
         {"@id": is_iri, "version": is_number, "timestamp": is_time, "last_updated": is_time,
          "products": is_list, "supplier": is_text, "status_notes": is_text,
          "justification": lambda j: j in (
              "component_not_present", "vulnerable_code_not_present",
              "vulnerable_code_not_in_execute_path",
              "vulnerable_code_cannot_be_controlled_by_adversary",
              "inline_mitigations_already_exist"),
          "impact_statement": is_text, "action_statement": is_text,
          "action_statement_timestamp": is_time}, where)
    only(one["vulnerability"], {"name": is_text},
         {"@id": is_iri, "description": is_text, "aliases": is_list}, f"{where}.vulnerability")
    # Optional for the schema; a statement that is about nothing is of no use to anybody.
    check(one.get("products"), f"{where} is about no product")
    for product in one["products"]:
        only(product, {"@id": is_iri}, {"identifiers": lambda i: isinstance(i, dict),
                                        "hashes": lambda h: isinstance(h, dict),
                                        "subcomponents": is_list}, f"{where}.products")
    # What an affected one must say, and what only one that is not may.
    check((one["status"] == "affected") == bool(one.get("action_statement")), f"{where}: {one}")
    if one["status"] == "not_affected":
        check(("justification" in one) != ("impact_statement" in one), f"{where}: {one}")


def is_openvex(text):
    """Fail unless it is a document of OpenVEX; returns it."""
    document = json.loads(text)
    only(document, {"@context": lambda c: c == "https://openvex.dev/ns/v0.2.0", "@id": is_iri,
                    "author": is_text, "timestamp": is_time, "version": is_number,
                    "statements": lambda s: is_list(s) and len(s) > 0},
         {"role": is_text, "last_updated": is_time, "tooling": is_text}, "the document")
    for number, one in enumerate(document["statements"]):
        check_statement(one, f"statement {number}")
    return document
