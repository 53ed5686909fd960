# SPDX-License-Identifier: Apache-2.0
"""Models of five libraries, from the session they were trained in to signed artifacts that answer.

The libraries are in an environment of their own, which `Tests/run` makes: SERIN_PYTHON, and for PyTorch,
which comes from the system's packages, SERIN_TORCH_PYTHON.
"""

import json
import os
import pathlib
import re
import select
import shutil
import subprocess

import pytest
from daemon import ROOT, Daemon, binary, run, surroundings

PYTHON = os.environ.get("SERIN_PYTHON", str(ROOT / ".build" / "models-venv" / "bin" / "python"))
TORCH_PYTHON = os.environ.get("SERIN_TORCH_PYTHON", "/usr/bin/python3")
LIBRARIES = ("scikit-learn", "xgboost", "lightgbm", "catboost", "torch")
# Read as they are saved or written node by node, and so equal bit for bit; the others' exporters round.
EXACT = ("xgboost", "lightgbm", "scikit-learn", "catboost")


def python(library="xgboost"):
    path = TORCH_PYTHON if library == "torch" else PYTHON
    assert shutil.which(path), f"no {path}: Tests/run end-to-end makes the environment"
    return path


def training():
    """The environment of what trains. Threads that wait for each other in loops would only take turns on
    cores that other tests use as well, and models this small gain nothing by them."""
    return {**surroundings(), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def packed_by(script, out):
    """Runs a script of `Tests/python` that packs models into `out`; answers what it tells of each case."""
    done = subprocess.run(
        [python(), ROOT / "Tests" / "python" / script, out, binary()],
        capture_output=True, text=True, timeout=400, env=training(),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {line["case"]: line for line in map(json.loads, done.stdout.splitlines())}


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
            capture_output=True, text=True, timeout=120, env=training(),
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


# Runs what it is told in children of a process that has imported the libraries, which takes seconds.
WARM = """
import json, os, sys, traceback
exec(sys.argv[1])
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child == 0:
        os.chdir(job["folder"])
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(job[name], os.O_CREAT | os.O_WRONLY), number)
        status = 0
        try:
            exec(job["code"], {"__name__": "__main__"})
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Runs a few lines with serin_pack at hand, and first those that begin with `before`."""
    environment = {**training(), "PYTHONPATH": str(ROOT / "Models" / "python"), "SERIN": str(binary())}
    warm = {}

    def ask(before, code, folder, library="xgboost"):
        if library not in warm:
            imports = "\n".join(line for line in before.splitlines() if line.startswith(("import ", "from ")))
            warm[library] = subprocess.Popen(
                [python(library), "-c", WARM, imports], env=environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )
        told = tmp_path_factory.mktemp("told")
        job = {"code": f"{before}\n{code}", "folder": str(folder), "out": str(told / "out"), "err": str(told / "err")}
        warm[library].stdin.write(json.dumps(job) + "\n")
        warm[library].stdin.flush()
        assert select.select([warm[library].stdout], [], [], 120)[0], "no end after two minutes"
        status = int(warm[library].stdout.readline())
        return subprocess.CompletedProcess(code, status, (told / "out").read_text(), (told / "err").read_text())

    yield ask
    for process in warm.values():
        process.stdin.close()
        process.kill()
        process.wait()


# What is typed before each mistake: a model of two columns, and the rows that it was fitted with.
BEFORE = """
import os, sys, numpy, pandas, scipy.sparse, serin_pack, lightgbm, xgboost, catboost
from sklearn.ensemble import *
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

frame = pandas.DataFrame({"a": [1.0, 2, 3, 4, 5, 6] * 20, "b": [2.0, 1, 4, 3, 6, 5] * 20})
truth = frame["a"] * 3 - frame["b"]
model = LinearRegression().fit(frame, truth)
boosting = xgboost.XGBRegressor(n_estimators=2, n_jobs=1)
mixed = frame.assign(a=pandas.Series([1, "x"] * 60, dtype=object))
alike = frame.set_axis(["e\\u0301", "\\u00e9"], axis=1)
single = pandas.DataFrame(numpy.random.default_rng(3).normal(size=(800, 2)), columns=["a", "b"]).astype("float32")

def classifier():
    return RandomForestClassifier(2, random_state=1).fit(frame, numpy.where(truth > 5, "yes", "no"))

def of_texts():
    texts = catboost.CatBoostClassifier(iterations=2, verbose=0, allow_writing_files=False, text_features=["b"])
    return texts.fit(frame.assign(b=["x y", "y z"] * 60), truth > 5)

def rounded():
    model = make_pipeline(StandardScaler(), HistGradientBoostingRegressor())
    return model.fit(single, single["a"] * 2 + single["b"])

def pack(model=model, frame=frame, **options):
    return serin_pack.pack(model, frame, **{"name": "m", "serin": os.environ["SERIN"], **options})
"""


@pytest.mark.parametrize(("code", "says"), [
    ("pack(object())", "a builtins.object cannot be packed; expected a model of"),
    ("pack(LinearRegression)", "LinearRegression is a class; give a fitted model of it"),
    ("pack(StandardScaler().fit(frame))", "StandardScaler has no predict; pack the pipeline"),
    ("pack(LinearRegression())", "this LinearRegression is not fitted; call its fit before pack"),
    ("pack(HistGradientBoostingRegressor())", "this HistGradientBoostingRegressor is not fitted"),
    ("pack(xgboost.XGBRegressor())", "this XGBRegressor is not fitted"),
    ("pack(lightgbm.LGBMRegressor())", "this LGBMRegressor is not fitted"),
    ("pack(catboost.CatBoostRegressor())", "this CatBoostRegressor is not fitted"),
    ("pack(target='prize')", "no column 'prize', which target names; the frame has a, b"),
    ("pack(serin='/no/serin')", "no program '/no/serin'"),
    ("pack(name='a/b')", "nothing was packed"),
    ("pack(predictions=frame['a'] + 1)", "gives other answers than"),
    ("pack(predictions=truth[:5])", "predictions 'prediction': 5 rows, and 120 in the frame; give one for each"),
    ("pack(predictions={'p': 3.0})", "predictions 'p': 0 rows, and 120 in the frame"),
    ("pack(predictions=truth[::-1])", "the index of the predictions is not the frame's"),
    ("pack(frame=frame[['a']])", "no column b, which the model was fitted with; the frame has a"),
    ("pack(boosting.fit(frame, truth), frame[['a']])", "no column b, which the model was fitted with"),
    ("pack(frame=frame.to_numpy()[:, :1])", "no column a, b, which the model was fitted with; the frame has f0"),
    ("pack(frame=scipy.sparse.csr_matrix(frame))", "a sparse scipy.csr_matrix; give its rows as a DataFrame"),
    ("pack(frame=mixed)", "column 'a', row 0: int, and texts in other rows; expected numbers, booleans or texts"),
    ("pack(frame=frame.assign(a=[[1]] * 120))", "column 'a', row 0: list; expected numbers"),
    ("pack(frame=frame.assign(a=pandas.date_range('2020', periods=120)))", "column 'a' holds datetime64"),
    ("pack(frame=frame.assign(a='x'))", "this LinearRegression does not answer for the frame's rows: ValueError"),
    ("pack(frame=pandas.concat([frame, frame['a']], axis=1))", "several columns are called a; give each a name"),
    ("pack(frame=frame.set_axis(['a', 'b\\0'], axis=1))", "a column is called 'b\\x00'; give it a name"),
    ("pack(frame=frame.set_axis(['a', ''], axis=1))", "a column is called ''; give it a name"),
    ("pack(LinearRegression().fit(alike, truth), alike)", "differ in their Unicode form alone"),
    ("pack(xgboost.XGBRegressor(n_estimators=2, missing=-999).fit(frame, truth))", "takes -999 for missing"),
    ("pack(xgboost.XGBRegressor(n_estimators=2, missing=0).fit(frame, truth))", "write NaN where a value is missing"),
    ("pack(RandomForestClassifier(2).fit(frame, frame.astype(int)))", "has 2 targets; pack a classifier for each"),
    ("pack(classifier(), frame.assign(y='perhaps'), target='y')", "the target holds perhaps, and the model knows no, yes"),
    ("pack(of_texts(), frame.assign(b='x'))", "a CatBoost model of texts or embeddings cannot be packed"),
    ("pack(make_pipeline(OneHotEncoder(), boosting).fit(frame, truth))", "zeros XGBoost takes for missing; let them give a dense"),
    ("pack(rounded(), single)", "scikit-learn rounds at every step: fit and pack frame.astype(float)"),
    ("pack(flags=['--features', 'a'] * 100000)", "cannot be run: "),
    ("pack(frame=frame['a'])", "a pandas.Series of shape (120,); expected rows and columns"),
    ("pack(frame=[[1], [1, 2]])", "a builtins.list whose rows differ in length"),
    ("pack(frame=frame[:0])", "columns of [0] rows"),
    ("pack(flags='--no-such')", "unknown flag --no-such"),
    ("sys.modules['skl2onnx'] = None; pack()", "pip install skl2onnx"),
    ("sys.modules['onnx'] = None; pack(RandomForestRegressor(2).fit(frame, truth))", "pip install onnx"),
])
def test_what_is_in_the_way_is_said(ask, tmp_path, code, says):
    check_refusal(ask, BEFORE, code, says, tmp_path)


def check_refusal(ask, before, code, says, folder, library="xgboost"):
    """What `code` packs is refused with these words, and nothing is left of it."""
    done = ask(
        before, f"try:\n    {code}\nexcept serin_pack.PackError as problem:\n    print('PackError:', problem)\n",
        folder, library,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "PackError:" in done.stdout and says in done.stdout
    assert not (folder / "Models").exists()


# The same before mistakes that only a module can make.
TORCH_BEFORE = """
import os, numpy, serin_pack, torch
from torch import nn

class Of(nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.line, self.answer = nn.Linear(2, 1), answer

    def forward(self, x):
        return self.answer(self.line(x), x)

frame = {"a": numpy.arange(40.0), "b": numpy.arange(40.0) % 7}

def pack(module):
    return serin_pack.pack(module, frame, name="m", serin=os.environ["SERIN"])
"""


@pytest.mark.parametrize(("code", "says"), [
    ("pack(Of(lambda y, x: y - y.mean()))", "alone; a norm, a softmax or a mean over the rows"),
    ("pack(Of(lambda y, x: y.softmax(0)))", "output prediction: the module answers row 20 with "),
    ("pack(Of(lambda y, x: y + x[1]))", "the module does not answer for a row alone: "),
    ("pack(nn.Linear(2, 1).double())", "the module computes in torch.float64, and its rows are given as float32; call"),
    ("pack(nn.Linear(2, 1).half())", "the module computes in torch.float16"),
])
def test_what_is_in_a_module_s_way_is_said(ask, tmp_path, code, says):
    check_refusal(ask, TORCH_BEFORE, code, says, tmp_path, "torch")


@pytest.mark.parametrize("code", [
    "pack(frame=frame.to_numpy())",
    "pack(frame=dict(frame))",
    "pack(frame=frame[['b', 'a']])",
    "pack(frame=frame.set_axis([0] * 120))",
    "pack(frame=frame.convert_dtypes())",
    "pack(frame=frame.assign(y=truth), target='y')",
    "names = frame.set_axis([1, 2], axis=1); pack(LinearRegression().fit(names, truth), names)",
    "pack(LinearRegression().fit(frame.to_numpy(), truth), numpy.column_stack([frame, truth]), target='f2')",
    "pack(boosting.fit(frame.to_numpy(), truth), frame)",
    "pack(boosting.fit(frame, truth), frame.to_numpy())",
    "pack(flags='--tolerance 1e-4 --golden 40')",
    "pack(BaggingRegressor(n_estimators=3).fit(frame, truth))",
])
def test_rows_may_come_in_any_form(ask, tmp_path, code):
    done = ask(BEFORE, code, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "120 of 120 rows" in done.stdout
    assert (tmp_path / "Models" / "m" / "1" / "artifact.json").exists()


def test_a_dry_run_names_no_path_and_writes_nothing(ask, tmp_path):
    done = ask(BEFORE, "print('path', pack(flags='--dry-run'))", tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "120 of 120 rows" in done.stdout and "path None" in done.stdout
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
        if words and words[0] in ("sepal_length", "species", "parity", "fallback", "to"):
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
