# SPDX-License-Identifier: Apache-2.0
"""Packs a fitted model for Serin: from the session it was trained in to an artifact, in one call.

    import serin_pack
    serin_pack.pack(model, frame, name="diamonds-price", target="price", key="release.pem")

Takes estimators and pipelines of scikit-learn, models of XGBoost, LightGBM and CatBoost (either interface)
and PyTorch modules. The file needs Python's standard library and what the model needs: copy it beside your
script. The model is exported, its predictions, the rows and a lock of the running environment are written
to a temporary folder, and `serin pack` makes the artifact of them: the contract, golden records, the
baseline, the manifest, the signature.
"""

import importlib
import importlib.metadata
import inspect
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections import namedtuple
from pathlib import Path

import numpy as np

__all__ = ["PackError", "pack"]


class PackError(Exception):
    """What is in the way, and what to do about it."""


def pack(model, frame, *, name, version=None, out="Models", target=None, predictions=None, key=None,
         passphrase_file=None, stage=None, environment=None, serin="serin", flags=()):
    """Makes an artifact of a fitted model.

    model: a fitted estimator or pipeline of scikit-learn, a model of XGBoost, LightGBM or CatBoost, or a
        torch.nn.Module whose forward takes rows.
    frame: rows that the model was trained on or held out with: a pandas DataFrame, a NumPy array, or a
        dict of columns by name. Columns that the model does not take are left out.
    name, version, out: the artifact's folder, OUT/NAME/VERSION; without a version the next free one.
    target: the column that holds the true value, if the frame has one. The answer is called so, and the
        fallback is fitted to it.
    predictions: the model's answers for these rows, an array or a dict of them by name; they are asked of
        the model where they are not given.
    key, passphrase_file: an Ed25519 key in PEM to sign with, made by `serin sign --new-key`.
    stage: "production" or "staging"; production where there is a key.
    environment: a lock file; without one the packages of this environment are listed.
    serin: the program.
    flags: more flags of `serin pack`, such as ["--tolerance", "1e-4"].

    Returns the artifact's path. Raises PackError with everything that is wrong.
    """
    program = shutil.which(serin)
    if program is None:
        raise PackError(f"no program '{serin}'; put serin on the PATH, or give its path as serin=...")
    columns = _columns(frame)
    if target is not None and target not in columns:
        raise PackError(f"no column '{target}', which target names; the frame has {', '.join(columns)}")
    rows = {column: values for column, values in columns.items() if column != target}
    folder = Path(tempfile.mkdtemp(prefix="serin-pack-"))
    try:
        export = _exporter(model)(model, frame, rows, folder, target)
        answers = export.answers if predictions is None else _answers(predictions, target)
        _write(folder / "rows.npz", {**export.rows, **({target: columns[target]} if target else {})})
        _write(folder / "predictions.npz", answers)
        command = [
            program, "pack", "--model", str(export.path), "--data", str(folder / "rows.npz"),
            "--predictions", str(folder / "predictions.npz"), "--name", name, "--out", str(out),
            "--framework", f"{export.framework[0]} {export.framework[1]}",
            "--environment", str(environment or _lock(folder)),
            "--stage", stage or ("production" if key else "staging"),
        ]
        if version is not None:
            command += ["--version", str(version)]
        if target is not None:
            command += ["--target", target]
        if key is not None:
            command += ["--key", str(key)]
        if passphrase_file is not None:
            command += ["--passphrase-file", str(passphrase_file)]
        if not export.is_exact and "--absolute-tolerance" not in flags:
            command += ["--absolute-tolerance", _rounding(answers)]
        command += [*export.flags, *flags]
        before = _versions(out, name)
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise PackError((done.stderr or done.stdout).strip().replace(f"{folder}/", ""))
        print(done.stdout, end="")
        made = _versions(out, name) - before
        return str(Path(out) / name / str(version if version is not None else max(made, default="")))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_Export = namedtuple("_Export", "path rows answers framework flags is_exact", defaults=([], False))


def _exporter(model):
    """What exports a model, by the library that its class comes from."""
    libraries = {base.__module__.split(".")[0] for base in type(model).__mro__}
    for library, exporter in _EXPORTERS.items():
        if library in libraries:
            return exporter
    raise PackError(
        f"a {type(model).__module__}.{type(model).__name__} cannot be packed; expected a model of "
        f"{', '.join(_EXPORTERS)}"
    )


# MARK: Rows and answers


def _columns(frame):
    """The columns by name: numbers, booleans and texts, whatever they came as."""
    if hasattr(frame, "iloc") and hasattr(frame, "columns"):
        named = {str(column): _column(str(column), frame[column]) for column in frame.columns}
    elif isinstance(frame, dict):
        named = {str(column): _column(str(column), values) for column, values in frame.items()}
    else:
        array = np.asarray(frame)
        if array.ndim < 2:
            raise PackError(f"an array of shape {array.shape}; expected rows and columns")
        if array.ndim > 2:
            return {"X": _column("X", array)}
        named = {f"f{index}": _column(f"f{index}", array[:, index]) for index in range(array.shape[1])}
    counts = {len(values) for values in named.values()}
    if len(counts) != 1 or 0 in counts:
        raise PackError(f"columns of {sorted(counts)} rows; expected as many in each, and some")
    return named


def _column(name, values):
    if str(getattr(values, "dtype", "")) == "category":
        return np.array(["" if value != value else str(value) for value in values.astype(object)], dtype="U")
    array = np.asarray(values)
    if array.dtype.kind in "fiub":
        return array
    if array.dtype.kind in "US":
        return array.astype("U")
    if array.dtype.kind == "O" and array.ndim == 1:
        missing = np.array([value is None or value != value or str(value) == "<NA>" for value in array])
        kept = [value for value, is_missing in zip(array, missing) if not is_missing]
        if kept and not any(isinstance(value, str) for value in kept):
            numbers = np.full(len(array), np.nan)
            try:
                numbers[~missing] = np.asarray(kept, dtype=np.float64)
            except (TypeError, ValueError):
                pass
            else:
                return numbers
        return np.array(["" if lost else str(value) for value, lost in zip(array, missing)], dtype="U")
    raise PackError(f"column '{name}' holds {array.dtype}; expected numbers, booleans or texts")


def _matrix(frame, names=None):
    """The rows as a model's own interface takes them."""
    if isinstance(frame, dict):
        return np.column_stack([np.asarray(frame[name]) for name in names or frame])
    if names is not None and hasattr(frame, "columns") and set(names) <= set(map(str, frame.columns)):
        return frame[[column for name in names for column in frame.columns if str(column) == name]]
    return frame


def _answers(values, target, name="prediction"):
    """Answers by name; a matrix of one column is a list."""
    if isinstance(values, dict):
        return {key: _column(key, np.asarray(value)) for key, value in values.items()}
    if hasattr(values, "columns"):
        return {str(key): _column(str(key), values[key]) for key in values.columns}
    array = np.asarray(values)
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    return {target if target and array.ndim == 1 else name: array}


def _probabilities(values, classes=None):
    """Probabilities by name: of the second of two classes, or one list a class."""
    values = np.asarray(values)
    if values.ndim == 1:
        return {"probability": values}
    if values.shape[1] == 2:
        return {"probability": values[:, 1]}
    if classes is None or len(classes) > 20:
        return {"probabilities": values}
    return {f"probability_{label}": values[:, index] for index, label in enumerate(classes)}


def _rounding(answers):
    """What single precision may be off by, of answers near zero."""
    sizes = [np.max(np.abs(values)) for values in answers.values() if np.asarray(values).dtype.kind == "f"]
    return f"{max(sizes, default=1.0) * 1e-6:.3g}"


def _write(path, columns):
    # As numpy.savez does, which cannot take columns that are called as its own arguments, such as 'file'.
    with zipfile.ZipFile(path, "w") as archive:
        for name, values in columns.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.ascontiguousarray(values), allow_pickle=False)


def _lock(folder):
    """The packages of this environment, as pip freeze lists them."""
    pins = {}
    for package in importlib.metadata.distributions():
        name = package.metadata["Name"]
        if name:
            pins.setdefault(re.sub(r"[-_.]+", "-", name).lower(), package.version)
    path = folder / "environment.lock"
    path.write_text("".join(f"{name}=={version}\n" for name, version in sorted(pins.items())))
    return path


def _versions(out, name):
    folder = Path(out) / name
    return {int(entry.name) for entry in folder.iterdir() if entry.name.isdigit()} if folder.is_dir() else set()


def _need(module, package):
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        raise PackError(f"{package} is needed to export this model: pip install {package}") from problem


# MARK: Libraries whose files Serin reads


def _xgboost(model, frame, rows, folder, target):
    import xgboost

    booster = model.get_booster() if hasattr(model, "get_booster") else model
    names = booster.feature_names
    path = folder / "model.ubj"
    model.save_model(path)
    data = _matrix(frame, names)
    if hasattr(model, "predict_proba"):
        answers = _probabilities(model.predict_proba(data), getattr(model, "classes_", None))
    elif model is booster:
        answers = _booster(model.predict(xgboost.DMatrix(data, enable_categorical=True)), booster, target)
    else:
        answers = _booster(model.predict(data), booster, target)
    return _Export(path, rows, answers, ("xgboost", xgboost.__version__), is_exact=True)


def _booster(values, booster, target):
    """Answers of a booster, called by what its objective makes of them."""
    objective = re.search(r'"objective":"(\w+:\w+)"|"objective":\{"name":"([\w:]+)"', booster.save_config())
    if "logistic" in (objective.group(0) if objective else "") or np.asarray(values).ndim == 2:
        return _probabilities(values) if np.asarray(values).ndim == 1 else {"probabilities": values}
    return _answers(values, target)


def _lightgbm(model, frame, rows, folder, target):
    import lightgbm

    booster = model.booster_ if hasattr(model, "booster_") else model
    path = folder / "model.txt"
    booster.save_model(path)
    names = booster.feature_name()
    if hasattr(model, "predict_proba"):
        answers = _probabilities(model.predict_proba(_matrix(frame, names)), model.classes_)
    else:
        values = model.predict(_matrix(frame, names))
        is_probability = re.search(r"^objective=(binary|cross_entropy$|multiclass)", path.read_text(), re.M)
        answers = (
            {"probabilities": values} if np.asarray(values).ndim == 2
            else _probabilities(values) if is_probability else _answers(values, target)
        )
    if not set(names) <= set(rows) and len(names) == len(rows):
        # LightGBM writes names without blanks, and names of its own where it got an array.
        rows = dict(zip(names, rows.values()))
    return _Export(path, rows, answers, ("lightgbm", lightgbm.__version__), is_exact=True)


# MARK: Libraries with exporters


def _catboost(model, frame, rows, folder, target):
    import catboost

    if model.get_cat_feature_indices() or model.get_text_feature_indices():
        raise PackError(
            "CatBoost exports no model with categorical or text features; encode them before training, "
            "with OrdinalEncoder or OneHotEncoder of scikit-learn"
        )
    path = folder / "model.onnx"
    model.save_model(str(path), format="onnx")
    names = [str(name) for name in model.feature_names_]
    if not set(names) <= set(rows):
        names = list(rows)
    data = _matrix(frame, names)
    if hasattr(model, "predict_proba"):
        answers = _probabilities(model.predict_proba(data), model.classes_)
    else:
        answers = _answers(model.predict(data), target)
    flags = ["--features", ",".join(names)]
    return _Export(path, rows, answers, ("catboost", catboost.__version__), flags)


def _torch(model, frame, rows, folder, target):
    import torch

    path = folder / "model.onnx"
    is_table = hasattr(frame, "columns") or all(values.ndim == 1 for values in rows.values())
    if is_table:
        texts = [name for name, values in rows.items() if values.dtype.kind == "U"]
        if texts:
            raise PackError(f"columns {', '.join(texts)} hold texts, and a torch module takes numbers")
        inputs = {"X": np.column_stack(list(rows.values())).astype(np.float32)}
    else:
        inputs = {
            name: values.astype(np.float32) if values.dtype.kind == "f" else values
            for name, values in rows.items()
        }
    tensors = [torch.from_numpy(np.ascontiguousarray(values)) for values in inputs.values()]
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            given = model(*tensors)
            names, values = _outputs(given, target)
            rows_are_open = {name: {0: "N"} for name in [*inputs, *names]}
            options = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
            torch.onnx.export(
                model, tuple(tensor[:2] for tensor in tensors), str(path), input_names=list(inputs),
                output_names=names, dynamic_axes=rows_are_open, opset_version=16, **options,
            )
    finally:
        model.train(was_training)
    answers = {}
    for name, value in zip(names, values):
        answers.update(_answers(value.detach().cpu().numpy(), None, name))
    flags = ["--features", ",".join(rows)] if is_table else []
    return _Export(path, rows if is_table else inputs, answers, ("torch", torch.__version__.split("+")[0]), flags)


def _outputs(given, target):
    """Names and values of what a module's forward gives."""
    if isinstance(given, dict):
        return list(given), list(given.values())
    if isinstance(given, (tuple, list)):
        return [f"output_{index}" for index in range(len(given))], list(given)
    return [target or "prediction"], [given]


def _sklearn(model, frame, rows, folder, target):
    import sklearn

    _need("skl2onnx", "skl2onnx")
    if not hasattr(model, "predict"):
        raise PackError(f"{type(model).__name__} has no predict; pack the pipeline that ends in a model")
    names = [str(name) for name in getattr(model, "feature_names_in_", rows)]
    lost = [name for name in names if name not in rows]
    if lost:
        raise PackError(f"no column {', '.join(lost)}, which the model was fitted with")
    if any(np.isinf(tree.threshold).any() for tree in _trees(model)):
        raise PackError(
            "skl2onnx does not export trees that part missing values from others; fill them in before, "
            "with SimpleImputer"
        )
    path = folder / "model.onnx"
    columns = {name: rows[name] for name in names}
    by_name = _takes_names(model) or any(values.dtype.kind == "U" for values in columns.values())
    path.write_bytes(_converted(model, columns, by_name).SerializeToString())
    data = _matrix(frame, names)
    if _is_classifier(model) and hasattr(model, "predict_proba"):
        # The label follows from them, and where two are equal it is rounding that chooses.
        answers = _probabilities(model.predict_proba(data), model.classes_)
    else:
        answers = _answers(model.predict(data), "label" if _is_classifier(model) else target)
    flags = [] if by_name else ["--features", ",".join(names)]
    return _Export(path, columns, answers, ("scikit-learn", sklearn.__version__), flags)


def _is_classifier(model):
    import sklearn.base

    return sklearn.base.is_classifier(model)


def _trees(model):
    """Every fitted tree in a model."""
    if hasattr(model, "tree_"):
        yield model.tree_
    inner = [step for _, step in getattr(model, "steps", ())]
    inner += list(np.ravel(np.asarray(getattr(model, "estimators_", ()), dtype=object)))
    for part in inner:
        yield from _trees(part)


def _takes_names(model):
    """Whether some step picks its columns by their names."""
    steps = [step for _, step in getattr(model, "steps", ())]
    return type(model).__name__ == "ColumnTransformer" or any(map(_takes_names, steps))


def _converted(model, columns, by_name):
    """The model as ONNX, in double precision as scikit-learn works, unless all its columns are single."""
    numbers = [values.dtype for values in columns.values() if values.dtype.kind != "U"]
    is_single = bool(numbers) and all(dtype == np.float32 for dtype in numbers)
    single = _convert(model, columns, by_name, is_single=True)
    if is_single:
        return single
    try:
        double = _convert(model, columns, by_name, is_single=False)
    except PackError:  # Some converters know single precision only.
        return single
    _with_single_trees(double, single)
    return double


def _convert(model, columns, by_name, is_single):
    import skl2onnx
    from skl2onnx.common import data_types

    number = data_types.FloatTensorType if is_single else data_types.DoubleTensorType
    if by_name:
        types = [
            (name, (data_types.StringTensorType if values.dtype.kind == "U" else number)([None, 1]))
            for name, values in columns.items()
        ]
    else:
        types = [("X", number([None, len(columns)]))]
    try:
        return skl2onnx.to_onnx(
            model, initial_types=types, target_opset={"": 19, "ai.onnx.ml": 3},
            options={"zipmap": False} if _is_classifier(model) else None,
        )
    except Exception as problem:
        reason = (str(problem).strip() or type(problem).__name__).splitlines()[0]
        if "an int, got a boolean" in str(problem.__cause__):
            reason = "it needs an older protobuf: pip install 'protobuf<7'"
        raise PackError(f"skl2onnx cannot export this model: {reason[:300]}") from problem


def _with_single_trees(double, single):
    """Gives trees their features in single precision, as scikit-learn does, and thresholds to match.

    scikit-learn's trees round features to single precision and compare them with doubles; of the two
    graphs one has the features and the other the thresholds that answer so.
    """
    from onnx import TensorProto, helper

    def trees(graph):
        return [node for node in graph.node if node.op_type.startswith("TreeEnsemble")]

    others = iter(trees(single.graph))
    singles = {o.name for o in double.graph.output if o.type.tensor_type.elem_type == TensorProto.FLOAT}
    nodes = []
    for node in list(double.graph.node):
        if not node.op_type.startswith("TreeEnsemble"):
            nodes.append(node)
            continue
        own = type(node)()
        own.CopyFrom(next(others))
        own.input[0] = node.output[0] + "_rows"
        nodes += [helper.make_node("Cast", [node.input[0]], [own.input[0]], to=TensorProto.FLOAT), own]
        # Scores come in single precision, and what is behind expects doubles; labels are none.
        del own.output[:]
        for index, name in enumerate(node.output):
            is_score = index == 1 or node.op_type == "TreeEnsembleRegressor"
            if is_score and name not in singles:
                own.output.append(name + "_single")
                nodes.append(helper.make_node("Cast", [name + "_single"], [name], to=TensorProto.DOUBLE))
            else:
                own.output.append(name)
    del double.graph.node[:]
    double.graph.node.extend(nodes)


_EXPORTERS = {
    "xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": _catboost, "torch": _torch, "sklearn": _sklearn,
}
