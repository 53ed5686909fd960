# SPDX-License-Identifier: Apache-2.0
"""The usual way: FastAPI in front of ONNX Runtime, as many a team has it in production.

    RIVAL_MODEL=Models/diamonds-price/1/model.onnx uvicorn app:app --port 8090 --no-access-log

It is written well for its kind (typed requests, one thread for inference, an `async` handler), and
has the fault that this project is about: a category it does not know becomes -1 and gets a price,
and its health check says 200 whatever the model answers.
"""

import os

import numpy as np
import onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel

CUTS = {name: index for index, name in enumerate(["Fair", "Good", "Very Good", "Premium", "Ideal"])}
COLORS = {name: index for index, name in enumerate("DEFGHIJ")}
CLARITIES = {
    name: index
    for index, name in enumerate(["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"])
}


class Stone(BaseModel):
    carat: float
    cut: str
    color: str
    clarity: str
    depth: float
    table: float
    x: float
    y: float
    z: float


class Request(BaseModel):
    instances: list[Stone]


class Reply(BaseModel):
    predictions: list[float]


options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(
    os.environ["RIVAL_MODEL"], options, providers=["CPUExecutionProvider"]
)
app = FastAPI()


@app.post("/v1/models/diamonds-price:predict")
async def predict(request: Request) -> Reply:
    rows = [
        (
            stone.carat,
            CUTS.get(stone.cut, -1),
            COLORS.get(stone.color, -1),
            CLARITIES.get(stone.clarity, -1),
            stone.depth,
            stone.table,
            stone.x,
            stone.y,
            stone.z,
        )
        for stone in request.instances
    ]
    (prices,) = session.run(None, {"X": np.array(rows, dtype=np.float32)})
    return Reply(predictions=prices[:, 0].tolist())


@app.get("/healthz")
async def healthz():
    return {"status": "ok"}
