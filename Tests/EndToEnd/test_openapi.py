# SPDX-License-Identifier: Apache-2.0
"""The port is as its own OpenAPI document says, by schemathesis, a judge that is not us."""

import json
import pathlib
import subprocess
import sys

from daemon import Daemon, contract, copy_models

HERE = pathlib.Path(__file__).resolve().parent


def test_the_document_says_what_the_contracts_say(tmp_path):
    models = copy_models(tmp_path, "diamonds-price/1", "diamonds-price/2", "tumour/1")
    with Daemon(models, tmp_path) as daemon:
        answer = daemon.get("/openapi.json")
        assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
        document = answer.json()
    assert document["openapi"].startswith("3.1")
    for path in (
        "/v1/models/diamonds-price:predict", "/v1/models/diamonds-price/versions/1:predict",
        "/v2/models/diamonds-price/versions/2/infer", "/v2/models/tumour/infer", "/readyz", "/readyz/{check}",
    ):
        assert path in document["paths"], path
    row = document["components"]["schemas"]["diamonds-price.2.Row"]
    for feature in contract("diamonds-price/2")["features"]:
        schema = row["properties"][feature["name"]]
        # What may be missing may be null.
        schema = schema.get("anyOf", [schema])[0]
        if "range" in feature:
            assert [schema["minimum"], schema["maximum"]] == feature["range"]
        if "categories" in feature:
            assert schema["enum"] == feature["categories"]
    assert row["additionalProperties"] is False


def test_the_port_keeps_what_the_document_promises(tmp_path):
    models = copy_models(tmp_path)
    settings = {"deadlines": {"request": "10s"}}
    with Daemon(models, tmp_path, settings) as daemon:
        done = subprocess.run(
            [
                pathlib.Path(sys.executable).with_name("schemathesis"), "--config-file", HERE / "schemathesis.toml",
                "run", daemon.url("/openapi.json"), "--max-examples", "15", "--seed", "1", "--no-color",
                "--phases", "examples,coverage,fuzzing",
            ],
            capture_output=True, text=True, timeout=600, cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        assert "Tested: " in done.stdout
        # Nothing of it was answered by a fault of ours.
        metrics = daemon.operations("GET", "/metrics").text
        assert 'code="500"' not in metrics
        assert json.loads(daemon.get("/v2/health/live").text)["live"] is True
