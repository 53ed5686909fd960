# SPDX-License-Identifier: Apache-2.0
"""Bad input gets a precise 4xx: never a prediction, a 5xx or a dropped connection."""

import copy
import json

import pytest
from daemon import contract, golden, tensors

MODEL = "diamonds-price"
INFER = f"/v2/models/{MODEL}/versions/1/infer"
PREDICT = f"/v1/models/{MODEL}/versions/1:predict"
ROW = golden("diamonds-price/1")[0]["inputs"]


def with_value(feature, literal):
    """A body of one row in which `feature` has the JSON text `literal`."""
    row = {**ROW, feature: "@@"}
    return json.dumps({"instances": [row]}).replace('"@@"', literal)


def tensor_body(change=lambda inputs: None):
    inputs = tensors(contract("diamonds-price/1"), [copy.deepcopy(ROW)])
    change(inputs)
    return json.dumps({"inputs": inputs})


def input_named(inputs, name):
    return next(item for item in inputs if item["name"] == name)


def set_shape(shape):
    return tensor_body(lambda inputs: input_named(inputs, "carat").update(shape=shape))


ROW_CASES = [
    # name, body, status, code, feature
    ("text in number", with_value("carat", '"abc"'), 400, "wrong_type", "carat"),
    ("numeric text", with_value("carat", '"0.5"'), 400, "wrong_type", "carat"),
    ("null", with_value("carat", "null"), 400, "missing_value", "carat"),
    ("true", with_value("carat", "true"), 400, "wrong_type", "carat"),
    ("NaN", with_value("carat", "NaN"), 400, "malformed_json", None),
    ("Infinity", with_value("carat", "-Infinity"), 400, "malformed_json", None),
    ("1e999", with_value("carat", "1e999"), 400, "overflow", "carat"),
    ("1e400", with_value("carat", "1e400"), 400, "overflow", "carat"),
    ("2^53+1", with_value("carat", "9007199254740993"), 400, "not_representable", "carat"),
    ("-0", with_value("carat", "-0"), 400, "out_of_range", "carat"),
    ("negative carat", with_value("carat", "-0.5"), 400, "out_of_range", "carat"),
    ("unknown category", with_value("cut", '"Sparkling"'), 400, "unknown_category", "cut"),
    ("category in wrong case", with_value("cut", '"ideal"'), 400, "unknown_category", "cut"),
    ("number in text column", with_value("cut", "3"), 400, "wrong_type", "cut"),
    ("an array for a number", with_value("carat", "[0.5]"), 400, "wrong_type", "carat"),
    ("an object for a number", with_value("carat", '{"v": 1}'), 400, "wrong_type", "carat"),
    (
        "missing column",
        json.dumps({"instances": [{k: v for k, v in ROW.items() if k != "carat"}]}),
        400, "missing_feature", "carat",
    ),
    (
        "misspelt column",
        json.dumps({"instances": [{("carrat" if k == "carat" else k): v for k, v in ROW.items()}]}),
        400, None, "carrat",
    ),
    ("extra column", json.dumps({"instances": [{**ROW, "colour": "E"}]}), 400, "unknown_feature", "colour"),
    ("zero rows", '{"instances": []}', 400, None, None),
    ("rows of another kind", '{"instances": [[0.3, 1]]}', 400, None, None),
    ("instances is not a list", '{"instances": {"carat": 1}}', 400, None, None),
    ("no instances", '{"rows": []}', 400, None, None),
    ("cut-off JSON", json.dumps({"instances": [ROW]})[:-5], 400, "malformed_json", None),
    ("empty body", "", 400, None, None),
    ("white space only", "   ", 400, None, None),
    ("bytes after the end", json.dumps({"instances": [ROW]}) + "x", 400, "malformed_json", None),
    ("key given twice", json.dumps({"instances": [ROW]}).replace('"carat"', '"carat": 1, "carat"'), 400, None, None),
    ("instances given twice", '{"instances": [], "instances": []}', 400, None, None),
    ("100k nested [", '{"instances": ' + "[" * 100_000, 400, "malformed_json", None),
    ("invalid UTF-8", with_value("cut", '"@"').encode().replace(b"@", b"\xff\xfe"), 400, "malformed_json", None),
    ("10 MB junk", b"x" * 10_000_000, 413, None, None),
    ("10 MB good batch", json.dumps({"instances": [ROW] * 70_000}), 413, None, None),
    ("more rows than planned", json.dumps({"instances": [ROW] * 1025}), 413, None, None),
]

TENSOR_CASES = [
    ("shape and data disagree", set_shape([2]), None),
    ("negative shape", set_shape([-1]), "carat"),
    ("huge shape", set_shape([2**62, 9]), "carat"),
    ("overflowing shape", set_shape([2**63]), "carat"),
    ("shape beyond 64 bits", set_shape([2**70]), "carat"),
    ("fractional shape", set_shape([1.5]), None),
    ("zero rows", set_shape([0]), None),
    ("wrong datatype", tensor_body(lambda i: input_named(i, "carat").update(datatype="INT64", data=[1])), "carat"),
    ("unknown datatype", tensor_body(lambda i: input_named(i, "carat").update(datatype="FLOAT")), "carat"),
    ("unknown input name", tensor_body(lambda i: input_named(i, "carat").update(name="nope")), "nope"),
    ("input given twice", tensor_body(lambda i: i.append(input_named(i, "carat"))), "carat"),
    ("8 of 9 features", tensor_body(lambda i: i.pop(0)), "carat"),
    (
        "10 features",
        tensor_body(lambda i: i.append({"name": "extra", "datatype": "FP32", "shape": [1], "data": [1]})),
        "extra",
    ),
    ("ragged rows", tensor_body(lambda i: input_named(i, "carat").update(shape=[2, 1], data=[[0.3], []])), None),
    ("data is text", tensor_body(lambda i: input_named(i, "carat").update(data="0.3")), None),
    ("no data", tensor_body(lambda i: input_named(i, "carat").pop("data")), "carat"),
    ("no inputs", "{}", None),
    ("inputs is empty", '{"inputs": []}', None),
    ("a binary size without bytes", tensor_body(lambda i: (
        input_named(i, "carat").pop("data"),
        input_named(i, "carat").update(parameters={"binary_data_size": 4}))), None),
    (
        "unknown output asked",
        json.dumps({"inputs": tensors(contract("diamonds-price/1"), [ROW]), "outputs": [{"name": "nope"}]}),
        None,
    ),
]


def refused(answer, status=400):
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert "predictions" not in body and "outputs" not in body
    assert body["error"] and body["code"] and body["category"] == "data"
    assert body["request_id"] == answer.headers["serin-request-id"]
    return body


@pytest.mark.parametrize("name, body, status, code, feature", ROW_CASES, ids=[c[0] for c in ROW_CASES])
def test_a_bad_row_is_refused(serin, name, body, status, code, feature):
    answer = serin.post(PREDICT, data=body, headers={"content-type": "application/json"})
    refusal = refused(answer, status)
    if code:
        assert refusal["code"] == code
    if feature:
        assert feature in [detail.get("feature") for detail in refusal["details"]]
    assert serin.rows("diamonds-price", [ROW]).status_code == 200


@pytest.mark.parametrize("name, body, feature", TENSOR_CASES, ids=[c[0] for c in TENSOR_CASES])
def test_a_bad_tensor_is_refused(serin, name, body, feature):
    answer = serin.post(INFER, data=body, headers={"content-type": "application/json"})
    refusal = refused(answer)
    if feature:
        assert feature in [detail.get("feature") for detail in refusal["details"]]
    assert serin.rows("diamonds-price", [ROW]).status_code == 200


def test_an_unknown_key_gets_all_that_are_known(serin):
    error = serin.post("/v2/models/diamonds-price/infer", {"zzz": 1}).json()
    assert error["code"] == "unknown_key"
    known = "id, inputs, model_name, model_version, outputs, parameters"
    assert error["error"] == f"unknown key 'zzz'; known are {known}"


def test_an_unknown_category_names_row_value_and_the_nearest(serin):
    rows = [ROW, ROW, ROW, {**ROW, "cut": "Idael"}]
    body = refused(serin.rows("diamonds-price", rows))
    detail = body["details"][0]
    assert (detail["feature"], detail["row"], detail["value"]) == ("cut", 3, "Idael")
    assert "did you mean 'Ideal'?" in detail["hint"]


def test_all_violations_are_reported_and_counted(serin):
    bad = {**ROW, "cut": "Idael", "carat": -1, "color": None}
    body = refused(serin.rows("diamonds-price", [bad] * 10))
    assert len(body["details"]) == 20
    assert body["details_total"] == 30
    assert {d["feature"] for d in body["details"]} == {"cut", "carat", "color"}


@pytest.mark.parametrize(
    "path", ["/v2/models/nope", "/v2/models/nope/infer", "/v1/models/nope:predict",
             "/v2/models/diamonds-price/versions/99/infer", "/v2/models/..%2f..%2fetc/infer", "/nope"])
def test_an_unknown_model_is_404(serin, path):
    post = path.endswith(("infer", "predict"))
    answer = serin.post(path, {"instances": [ROW]}) if post else serin.get(path)
    refused(answer, 404)


def test_the_wrong_method_is_405_with_allow(serin):
    answer = serin.get(PREDICT)
    refused(answer, 405)
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize(("name", "value"), [
    ("serin-priority", "urgent"), ("serin-timeout-ms", "soon"), ("grpc-timeout", "1 s"),
])
def test_a_header_of_other_form_is_400_also_where_nothing_waits(serin, name, value):
    answer = serin.post(PREDICT, json={"instances": [ROW]}, headers={name: value})
    assert answer.status_code == 400 and name in answer.json()["error"]


def test_an_unsupported_media_type_is_415(serin):
    answer = serin.post(PREDICT, data="carat=1", headers={"content-type": "application/x-www-form-urlencoded"})
    refused(answer, 415)
