# SPDX-License-Identifier: Apache-2.0
"""Asks the built binary which ONNX operators it runs, and writes them into docs/models.md.

    python3 Tests/oracles/operators.py .build/release/serin            # prints the two tables
    python3 Tests/oracles/operators.py .build/release/serin --write    # puts them into the page

Each operator that the installed onnx package knows goes, alone, into a model that imports version 1
of its domain. The daemon's own refusal then says from which version it knows the operator, or that
it does not.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from onnx import TensorProto, defs, helper

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "models.md"
DONOR = ROOT / "Models" / "tumour" / "1"
DOMAINS = {"": "ai.onnx", "ai.onnx.ml": "ai.onnx.ml"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("serin", type=Path)
    parser.add_argument("--write", action="store_true", help="change docs/models.md")
    arguments = parser.parse_args()
    tables = {domain: known(arguments.serin, domain) for domain in DOMAINS}
    blocks = "\n\n".join(block(DOMAINS[domain], found) for domain, found in tables.items())
    if not arguments.write:
        print(blocks)
        return
    before, _, rest = PAGE.read_text().partition("<!-- operators -->")
    _, _, after = rest.partition("<!-- end of operators -->")
    marked = f"<!-- operators -->\n\n{blocks}\n\n<!-- end of operators -->"
    PAGE.write_text(before + marked + after)


def known(serin, domain):
    """{operator: first version that is understood} of a domain."""
    names = {schema.name for schema in defs.get_all_schemas() if schema.domain == domain}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "tumour" / "1"
        shutil.copytree(DONOR, folder)
        found = {}
        for name in sorted(names):
            version = first_version(serin, folder, name, domain)
            if version is not None:
                found[name] = version
        return found


def first_version(serin, folder, name, domain):
    node = helper.make_node(name, ["X"], ["Y"], name="n", domain=domain)
    value = [helper.make_tensor_value_info(label, TensorProto.FLOAT, [None, 30]) for label in "XY"]
    imports = [helper.make_opsetid("", 1)]
    if domain:
        imports.append(helper.make_opsetid(domain, 1))
    model = helper.make_model(
        helper.make_graph([node], "g", value[:1], value[1:]), opset_imports=imports, ir_version=8
    )
    data = model.SerializeToString()
    (folder / "model.onnx").write_bytes(data)
    manifest = json.loads((folder / "artifact.json").read_text())
    digest = hashlib.sha256(data).hexdigest()
    manifest["files"]["model.onnx"] = {"sha256": digest, "bytes": len(data)}
    (folder / "artifact.json").write_text(json.dumps(manifest))
    run = subprocess.run([serin, "verify", folder], capture_output=True, text=True, timeout=60)
    said = run.stdout + run.stderr
    if f"operator {name} of {DOMAINS[domain]} version 1 is not supported" in said:
        return None
    since = re.search(rf"operator {name} of \S+ is known from version (\d+)", said)
    return int(since[1]) if since else 1


def block(domain, found):
    words = ", ".join(
        f"{name} ({version})" if version > 1 else name for name, version in found.items()
    )
    return f"`{domain}`, {len(found)} operators: {words}."


if __name__ == "__main__":
    main()
