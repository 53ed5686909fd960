# SPDX-License-Identifier: Apache-2.0
"""Models of five libraries, from the session they were trained in to signed artifacts that answer.

The libraries are in an environment of their own, which `Tests/run` makes: SERIN_PYTHON, and for PyTorch,
which comes from the system's packages, SERIN_TORCH_PYTHON.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from daemon import ROOT, Daemon, binary, run, surroundings

PYTHON = os.environ.get("SERIN_PYTHON", str(ROOT / ".build" / "models-venv" / "bin" / "python"))
TORCH_PYTHON = os.environ.get("SERIN_TORCH_PYTHON", "/usr/bin/python3")
LIBRARIES = ("scikit-learn", "xgboost", "lightgbm", "catboost", "torch")
# Read as they are saved, and so equal bit for bit; the others' exporters round.
EXACT = ("xgboost", "lightgbm")


def python(library="xgboost"):
    path = TORCH_PYTHON if library == "torch" else PYTHON
    assert shutil.which(path), f"no {path}: Tests/run end-to-end makes the environment"
    return path


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    made = run("sign", "--new-key", folder / "release.pem")
    assert made.returncode == 0, made.stderr
    (folder / "trusted").mkdir()
    shutil.copy(folder / "release.pub.pem", folder / "trusted")
    return folder


@pytest.fixture(scope="module")
def packed(tmp_path_factory, keys):
    """The repository with a model of each library, and what the library itself answers."""
    out = tmp_path_factory.mktemp("first") / "own"
    told = {}
    for library in LIBRARIES:
        done = subprocess.run(
            [python(library), ROOT / "Tests" / "python" / "train.py", library, out, keys / "release.pem", binary()],
            capture_output=True, text=True, timeout=120, env=surroundings(),
        )
        assert done.returncode == 0, done.stderr[-3000:]
        told[library] = json.loads(done.stdout.splitlines()[-1])
        assert told[library]["path"] == f"{out}/{library}/1"
        assert "signature    signed" in done.stdout
    return out, told


@pytest.fixture(scope="module")
def serving(packed, keys, tmp_path_factory):
    settings = {"trusted_keys": str(keys / "trusted"), "require_signature": True}
    with Daemon(packed[0], tmp_path_factory.mktemp("serving"), settings) as daemon:
        yield daemon


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_packed_model_answers_as_its_library_does(packed, serving, library):
    told = packed[1][library]
    got = []
    for start in range(0, len(told["rows"]), 50):
        answer = serving.rows(library, told["rows"][start:start + 50])
        assert answer.status_code == 200, answer.text
        assert answer.headers["serin-served-by"] in ("model", "mixed"), answer.text
        got += answer.json()["predictions"]
    (name, wanted), = told["answers"].items()
    values = [row[name] if isinstance(row, dict) else row for row in got]
    assert len(values) == len(wanted) > 200
    scale = max(map(abs, wanted))
    for value, want in zip(values, wanted):
        limit = 0 if library in EXACT else 1e-5 * abs(want) + 1e-6 * scale
        if library == "xgboost":
            # Written as short as a float allows.
            limit = abs(want) * 2**-24
        assert abs(value - want) <= limit


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_artifact_is_whole_signed_and_names_what_trained_it(packed, library):
    folder = packed[0] / library / "1"
    manifest = json.loads((folder / "artifact.json").read_text())
    assert manifest["framework"]["name"] == library
    assert re.match(r"\d+\.\d+", manifest["framework"]["version"])
    assert (folder / "artifact.sig").exists()
    assert len((folder / "golden.jsonl").read_text().splitlines()) >= 20
    lock = (folder / "environment.lock").read_text()
    assert re.search(r"^numpy==\d", lock, re.M)
    verified = run("verify", folder)
    assert verified.returncode == 0, verified.stderr


def test_categories_and_missing_values_are_in_the_contract(packed):
    for library, shops in [("xgboost", ["Oslo", "Turin", "Zurich"]), ("lightgbm", ["Oslo", "Turin", "Zürich"])]:
        contract = json.loads((packed[0] / library / "1" / "contract.json").read_text())
        features = {feature["name"]: feature for feature in contract["features"]}
        assert features["shop"]["categories"] == shops
        assert features["shop"]["encode"]["as"] == "ordinal"
        assert features["depth"]["missing"] == {"default": None}


def ask(code, folder, library="xgboost"):
    """Runs a few lines with serin_pack at hand."""
    environment = {**surroundings(), "PYTHONPATH": str(ROOT / "Models" / "python"), "SERIN": str(binary())}
    return subprocess.run(
        [python(library), "-c", code], cwd=folder, capture_output=True, text=True, timeout=120, env=environment,
    )


@pytest.mark.parametrize(("code", "says"), [
    ("serin_pack.pack(object(), [[1.0]], name='m')", "a builtins.object cannot be packed; expected a model of"),
    ("serin_pack.pack(model, frame, name='m', target='prize')", "no column 'prize', which target names"),
    ("serin_pack.pack(model, frame, name='m', serin='/no/serin')", "no program '/no/serin'"),
    ("serin_pack.pack(model, frame[['a']], name='m')", "no column b, which the model was fitted with"),
    ("serin_pack.pack(model, frame, name='a/b')", "nothing was packed"),
    ("serin_pack.pack(model, frame, name='m', predictions=frame['a'] + 1)", "gives other answers than"),
    ("sys.modules['skl2onnx'] = None; serin_pack.pack(model, frame, name='m')", "pip install skl2onnx"),
])
def test_what_is_in_the_way_is_said(tmp_path, code, says):
    done = ask(
        "import os, sys, pandas, serin_pack\n"
        "from sklearn.linear_model import LinearRegression\n"
        "frame = pandas.DataFrame({'a': [1.0, 2, 3, 4, 5, 6], 'b': [2.0, 1, 4, 3, 6, 5]})\n"
        "model = LinearRegression().fit(frame, frame['a'] * 3 - frame['b'])\n"
        "pack = serin_pack.pack\n"
        "serin_pack.pack = lambda *a, **o: pack(*a, **{'serin': os.environ['SERIN'], **o})\n"
        "try:\n"
        f"    {code}\n"
        "except serin_pack.PackError as problem:\n"
        "    print('PackError:', problem)\n",
        tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "PackError:" in done.stdout and says in done.stdout
    assert not (tmp_path / "Models").exists()


# The page is the transcript of a session: what it says to type is typed here.
PAGE = (ROOT / "docs" / "first-model.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


def test_the_page_is_a_session_that_works(tmp_path):
    (script,) = blocks("python")[:1]
    (tmp_path / "train.py").write_text(script, encoding="utf-8")
    shutil.copy(ROOT / "Models" / "python" / "serin_pack.py", tmp_path)
    shell = blocks("console")
    typed = [line[2:] for block in shell for line in block.splitlines() if line.startswith("$ ")]
    before = [line for line in typed if line.startswith(("serin sign", "mkdir", "python3"))]
    assert len(typed) == 4 and len(before) == 2, typed
    path = f"{pathlib.Path(binary()).parent}:{pathlib.Path(python()).parent}:{os.environ['PATH']}"
    printed = ""
    for line in before:
        line = line.replace("python3 ", f"{python()} ")
        done = subprocess.run(
            line, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=120,
            env={**surroundings(), "PATH": path},
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        printed += done.stdout
    # Every line of the report that has no number of this machine is printed in the page too.
    for line in printed.splitlines():
        words = line.split()
        if words and words[0] in ("sepal_length", "species", "parity", "fallback"):
            assert line.strip() in PAGE, line
    said = float(re.search(r"the library says ([\d.]+)", printed).group(1))
    settings = {"trusted_keys": str(tmp_path / "keys"), "require_signature": True}
    with Daemon(tmp_path / "own", tmp_path / "daemon", settings) as daemon:
        body = re.search(r"-d '(.*?)'", "\n".join(shell), re.S).group(1)
        answer = daemon.post(
            "/v1/models/petal-width:predict", data=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["predictions"][0] == pytest.approx(said, rel=2**-23)
