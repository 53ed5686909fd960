# SPDX-License-Identifier: Apache-2.0
"""Unmodified clients of the Open Inference Protocol work."""

import asyncio

import numpy as np
import pytest
from daemon import contract, golden

NAME = "diamonds-price/1"
TYPES = {"FP32": np.float32, "BYTES": np.object_}


def columns():
    records = golden(NAME)
    for feature in contract(NAME)["features"]:
        values = [record["inputs"][feature["name"]] for record in records]
        yield feature, np.array(values, dtype=TYPES[feature["datatype"]]).reshape(-1, 1)


def wanted():
    return np.array([record["outputs"]["price"] for record in golden(NAME)])


@pytest.mark.parametrize("is_binary", [False, True])
def test_tritonclient(serin, is_binary):
    http = pytest.importorskip("tritonclient.http")
    client = http.InferenceServerClient(f"127.0.0.1:{serin.port}")
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("diamonds-price", "1")
    assert client.get_server_metadata()["name"] == "serin"
    metadata = client.get_model_metadata("diamonds-price", "1")
    assert [i["name"] for i in metadata["inputs"]] == [f["name"] for f in contract(NAME)["features"]]
    inputs = []
    for feature, values in columns():
        tensor = http.InferInput(feature["name"], values.shape, feature["datatype"])
        tensor.set_data_from_numpy(values, binary_data=is_binary)
        inputs.append(tensor)
    outputs = [http.InferRequestedOutput("price", binary_data=is_binary)]
    result = client.infer("diamonds-price", inputs, model_version="1", outputs=outputs, request_id="t1")
    np.testing.assert_allclose(result.as_numpy("price"), wanted(), rtol=1e-4)
    assert result.get_response()["id"] == "t1"
    assert client.get_inference_statistics("diamonds-price", "1")["model_stats"][0]["inference_count"] > 0
    with pytest.raises(Exception, match="unknown model"):
        client.get_model_metadata("nope")
    client.close()


@pytest.mark.parametrize("is_binary", [False, True])
def test_kserve_client(serin, is_binary):
    kserve = pytest.importorskip("kserve")
    asyncio.run(ask_with_kserve(serin, kserve, is_binary))


async def ask_with_kserve(serin, kserve, is_binary):
    config = kserve.RESTConfig(protocol="v2", timeout=30)
    client = kserve.InferenceRESTClient(config)
    base = f"http://127.0.0.1:{serin.port}"
    assert await client.is_server_ready(base)
    assert await client.is_server_live(base)
    assert await client.is_model_ready(base, "diamonds-price")
    inputs = []
    for feature, values in columns():
        tensor = kserve.InferInput(feature["name"], list(values.shape), feature["datatype"])
        tensor.set_data_from_numpy(values, binary_data=is_binary)
        inputs.append(tensor)
    request = kserve.InferRequest(model_name="diamonds-price", infer_inputs=inputs)
    answer = await client.infer(base, request, model_name="diamonds-price")
    np.testing.assert_allclose(
        answer.outputs[0].as_numpy().flatten(),
        [lightgbm for lightgbm in served(serin)], rtol=1e-5)
    rows = kserve.InferenceRESTClient(kserve.RESTConfig(protocol="v1", timeout=30))
    records = [record["inputs"] for record in golden(NAME)]
    answer = await rows.infer(base, {"instances": records}, model_name="diamonds-price")
    np.testing.assert_allclose(answer["predictions"], served(serin), rtol=1e-5)


def served(serin):
    """What the active version answers in the row form."""
    return serin.rows("diamonds-price", [r["inputs"] for r in golden(NAME)]).json()["predictions"]
