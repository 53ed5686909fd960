# SPDX-License-Identifier: Apache-2.0
"""`serin inspect` and `serin diff`: what an artifact is, and how it differs from another."""

import collections
import hashlib
import json
import sys

import numpy as np
import onnx
import pytest
from daemon import ARTIFACTS, MODELS, ROOT, copy_models, golden, run


def inspect(folder, *flags):
    result = run("inspect", folder, "--json", *flags)
    assert result.returncode == 0, result.stdout + result.stderr
    return json.loads(result.stdout)


def diff(one, two):
    result = run("diff", one, two, "--json")
    assert result.returncode in (0, 1), result.stdout + result.stderr
    found = json.loads(result.stdout)
    assert found["same"] == (result.returncode == 0)
    return found


def repack(folder, **changes):
    """Writes files of an artifact (`golden_jsonl=text`) and puts their digests into its manifest."""
    manifest = json.loads((folder / "artifact.json").read_text())
    for name, text in changes.items():
        name = name.replace("_", ".")
        (folder / name).write_text(text)
        manifest["files"][name] = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "bytes": len(text.encode())}
        if name == "environment.lock":
            manifest["environment"]["sha256"] = manifest["files"][name]["sha256"]
    (folder / "artifact.json").write_text(json.dumps(manifest))


@pytest.fixture
def pair(tmp_path):
    """The same artifact twice; tests change the second."""
    return [copy_models(tmp_path / side, "diamonds-price/1") / "diamonds-price" / "1" for side in ("a", "b")]


@pytest.mark.parametrize("name", ARTIFACTS)
def test_inspect_tells_what_the_files_say(name):
    folder = MODELS / name
    page = inspect(folder)
    manifest = json.loads((folder / "artifact.json").read_text())
    assert page["artifact"] == name and page["framework"] == manifest["framework"]
    assert page["provenance"] == manifest["provenance"] and page["created"] == manifest["created"]
    assert {one["path"]: (one["sha256"], one["bytes"]) for one in page["files"]} == {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size) for path in folder.iterdir()
    }
    contract = json.loads((folder / "contract.json").read_text())
    for feature, told in zip(contract["features"], page["contract"]["features"], strict=True):
        assert feature.get("missing", "reject") == told["missing"]
        for key in feature.keys() - {"missing", "encode"}:
            assert told[key] == feature[key], key
        assert told["encode"].items() >= feature["encode"].items()
    assert page["golden"]["records"] == len(golden(name)) and page["golden"]["outcome"] == "passed"
    baseline = json.loads((folder / "baseline.json").read_text())
    for feature, told in page["baseline"]["features"].items():
        assert told.items() >= {k: v for k, v in baseline["features"][feature].items() if k in ("kind", "mean", "missing")}.items()
    lock = dict(line.split("==") for line in (folder / "environment.lock").read_text().replace(" \\", "").splitlines()
                if "==" in line and line[0].isalpha())
    assert {key: value.split()[0] for key, value in lock.items()} == page["environment"]["packages"]
    # What the ONNX package counts.
    model = onnx.load(folder / "model.onnx")
    assert page["graph"]["opsets"] == {one.domain or "ai.onnx": one.version for one in model.opset_import}
    operators = collections.Counter(
        f"{node.domain}.{node.op_type}" if node.domain else node.op_type for node in model.graph.node
    )
    assert page["graph"]["operators"] == operators and page["graph"]["nodes"] == len(model.graph.node)
    numbers = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
    for node in model.graph.node:
        for attribute in node.attribute:
            numbers += len(attribute.floats) + len(attribute.ints)
            numbers += int(np.prod(attribute.t.dims)) if attribute.HasField("t") else 0
    assert page["graph"]["parameters"] == numbers
    plan = json.loads(run("plan", folder, "--json").stdout)
    assert page["plan"]["arena_bytes"] == plan["arena_bytes"] and page["plan"]["peak_bytes"] == plan["peak_bytes"]
    text = run("inspect", folder)
    assert text.returncode == 0 and text.stdout.startswith(f"{name}, staging\n")
    for word in ["FEATURE", "OUTPUT", "GUARD", "BASELINE of", "GRAPH", "PLAN", "ENVIRONMENT of 36 packages", "PROVENANCE",
                 "MISSING FOR PRODUCTION", "artifact.sig is missing"]:
        assert word in text.stdout


def test_inspect_names_who_signed_and_refuses_what_would_not_be_served(tmp_path, pair):
    key = json.loads(run("sign", "--new-key", tmp_path / "release.pem", "--json").stdout)
    assert run("sign", pair[0], "--key", tmp_path / "release.pem").returncode == 0
    keys = tmp_path / "keys"
    keys.mkdir()
    (tmp_path / "release.pub.pem").rename(keys / "release.pem")
    page = inspect(pair[0], "--trusted-keys", keys)
    assert page["signature"] == {"verdict": "verified", "key": "release", "key_id": key["key_id"]}
    assert inspect(pair[0])["signature"] == {"verdict": "unchecked"}
    (pair[0] / "model.onnx").write_bytes(b"no model")
    refused = run("inspect", pair[0], "--json")
    assert refused.returncode == 1 and json.loads(refused.stdout)["verdict"] == "refused"


def test_the_same_artifact_does_not_differ_by_name_date_or_signature(tmp_path, pair):
    found = diff(*pair)
    assert found["same"]
    manifest = json.loads((pair[1] / "artifact.json").read_text())
    manifest |= {"created": "2020-01-01T00:00:00Z", "version": 9, "provenance": {"script": "other"}}
    other = pair[1].rename(pair[1].parent / "9")
    (other / "artifact.json").write_text(json.dumps(manifest))
    run("sign", "--new-key", tmp_path / "release.pem")
    assert run("sign", other, "--key", tmp_path / "release.pem").returncode == 0
    found = diff(pair[0], other)
    assert found["same"] and found["files"] == {"added": [], "removed": [], "changed": []}
    text = run("diff", pair[0], other)
    assert text.returncode == 0 and text.stdout.splitlines()[-1] == "the same"


def test_a_change_of_the_contract_is_told_key_by_key(pair):
    contract = json.loads((pair[1] / "contract.json").read_text())
    carat, cut = contract["features"][0], contract["features"][1]
    carat["range"] = [0.1, 7.0]
    del carat["unit"]
    cut["categories"] = ["Fair", "Good", "Very Good", "Ideal", "Premium"]
    contract["outputs"][0]["max_ratio_to_mean"] = 4.5
    contract["kill_switches"][0]["when"] = "carat > 5"
    contract["kill_switches"].append({"name": "tiny", "when": "carat < 0.2"})
    contract["breaker"] = {"window": 100, "probes": 7}
    contract["fallback"].insert(0, {"kind": "linear", "intercept": 3, "coefficients": {"carat": 4000}})
    repack(pair[1], contract_json=json.dumps(contract))
    found = diff(*pair)["contract"]
    assert {(one["name"], one["key"]) for one in found["features"]["changed"]} == {
        ("carat", "range"), ("carat", "unit"), ("cut", "categories")}
    changes = {one["key"]: one for one in found["features"]["changed"]}
    assert changes["range"]["a"] == [0.1, 6.0] and changes["range"]["b"] == [0.1, 7.0]
    assert changes["unit"] == {"name": "carat", "key": "unit", "a": "ct", "b": None}
    assert changes["categories"] == {"name": "cut", "key": "categories", "added": [], "removed": [], "moved": True}
    assert [one["key"] for one in found["outputs"]["changed"]] == ["max_ratio_to_mean"]
    assert found["kill_switches"]["added"] == ["tiny"] and found["kill_switches"]["changed"][0]["b"] == "carat > 5"
    assert found["breaker"] == [{"name": "breaker", "key": "probes", "a": 5, "b": 7}]
    assert found["fallback"]["added"] == ["3"] and found["canary"] == []
    text = run("diff", *pair).stdout
    assert "[0.1,6.0] -> [0.1,7.0]" in text and "in another order" in text


def test_golden_records_are_run_through_the_other_artifact():
    one, two = MODELS / "diamonds-price/1", MODELS / "diamonds-price/2"
    found = diff(one, two)
    for key, of, through in (("a_through_b", one, two), ("b_through_a", two, one)):
        records = [json.loads(line) for line in (of / "golden.jsonl").read_text().splitlines()]
        rows = json.dumps([record["inputs"] for record in records])
        answer = json.loads(run("predict", through, "-", "--json", input=rows).stdout)["predictions"]
        got = np.array([row["price"] if isinstance(row, dict) else row for row in answer])
        want = np.array([record["outputs"]["price"] for record in records])
        deviations = np.abs(got - want) / np.abs(want)
        told = found["golden"][key]
        assert (told["records"], told["answered"], told["refused"]) == (28, 28, 0)
        [price] = told["outputs"]
        assert price["values"] == 28 and price["differing"] == int((deviations > 1e-4).sum())
        assert price["largest"] == pytest.approx(deviations.max(), rel=1e-6)
        assert price["median"] == pytest.approx(np.median(deviations), rel=1e-6)
        worst = np.argsort(-deviations)[:5] + 1
        assert [row["line"] for row in told["worst"]] == list(worst)
    # Another model altogether: every record is refused, and the first reason is told.
    found = diff(one, MODELS / "tumour/1")["golden"]["a_through_b"]
    assert found["refused"] == 28 and found["refusal"].startswith("line 1: ")


def test_distances_of_baselines_are_those_of_the_samples(pair, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "Models" / "train"))
    sys.modules.pop("contract", None)  # the tests' own helper is another module
    from baseline import describe_one

    chance = np.random.default_rng(7)
    samples = [chance.lognormal(0, 0.4, 20_000).round(2), chance.lognormal(0.2, 0.5, 15_000).round(2)]
    colours = [list(chance.choice(list("DEFG"), 5000, p=p)) for p in ([0.4, 0.3, 0.2, 0.1], [0.1, 0.3, 0.4, 0.2])]
    for folder, sample, colour in zip(pair, samples, colours, strict=True):
        baseline = json.loads((folder / "baseline.json").read_text())
        baseline["features"]["carat"] = describe_one(list(map(float, sample)), None)
        baseline["features"]["color"] = describe_one([str(one) for one in colour], list("DEFG"))
        repack(folder, baseline_json=json.dumps(baseline))
    found = {row["name"]: row for row in diff(*pair)["baseline"]}
    values = np.unique(np.concatenate(samples))
    shares = [np.searchsorted(np.sort(sample), values, side="right") / len(sample) for sample in samples]
    assert found["carat"]["ks"] == pytest.approx(np.abs(shares[0] - shares[1]).max(), abs=0.01)
    edges = json.loads((pair[0] / "baseline.json").read_text())["features"]["carat"]["edges"]
    edges = [-np.inf, *edges[1:-1], np.inf]
    bins = [np.histogram(sample, edges)[0] / len(sample) for sample in samples]
    assert found["carat"]["psi"] == pytest.approx(((bins[1] - bins[0]) * np.log(bins[1] / bins[0])).sum(), abs=0.02)
    counts = [np.array([colour.count(one) for one in "DEFG"]) / 5000 for colour in colours]
    expected = ((counts[1] - counts[0]) * np.log(counts[1] / counts[0])).sum()
    assert found["color"]["psi"] == pytest.approx(expected, rel=1e-6) and found["color"]["ks"] is None
    assert found["cut"]["psi"] == 0


def test_files_and_packages_that_came_went_and_changed(pair):
    lock = (pair[1] / "environment.lock").read_text()
    numpy = [line for line in lock.splitlines() if line.startswith("numpy==")][0]
    lock = lock.replace(numpy, "numpy==1.26.4 \\").replace("cycler==", "wheel==")
    repack(pair[1], environment_lock=lock)
    repack(pair[1], notes_md="words\n")
    found = diff(*pair)
    assert not found["same"]
    assert found["files"]["added"] == ["notes.md"] and [one["path"] for one in found["files"]["changed"]] == ["environment.lock"]
    environment = found["environment"]
    assert [one["name"] for one in environment["added"]] == ["wheel"]
    assert [one["name"] for one in environment["removed"]] == ["cycler"]
    assert environment["changed"] == [{"name": "numpy", "a": numpy.split("==")[1].split()[0], "b": "1.26.4"}]
    text = run("diff", *pair).stdout
    assert "~  numpy" in text and "+  notes.md" in text
    assert found["plan"] == [{"measure": "model_bytes", "a": 912720, "b": 912726}]


def test_what_cannot_be_loaded_cannot_be_compared(pair):
    (pair[1] / "contract.json").write_text("{}")
    result = run("diff", *pair)
    assert result.returncode == 2 and "contract.json: 2 bytes; expected" in result.stderr
    result = run("diff", pair[0])
    assert result.returncode == 2 and "B is missing; usage: serin diff A B" in result.stderr
