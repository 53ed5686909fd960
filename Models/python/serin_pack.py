# SPDX-License-Identifier: Apache-2.0
"""Packs a fitted model for Serin: from the session it was trained in to an artifact, in one call.

    import serin_pack
    serin_pack.pack(model, frame, name="diamonds-price", target="price", key="release.pem")

Takes estimators and pipelines of scikit-learn, models of XGBoost, LightGBM and CatBoost (either interface)
and PyTorch modules. The file needs Python's standard library and what the model needs: copy it beside your
script. The model is exported, its predictions, the rows and a lock of the running environment are written
to a temporary folder, and `serin pack` makes the artifact of them: the contract, golden records, the
baseline, the manifest, the signature.

Trees are not rounded on the way: Serin reads the files of XGBoost and LightGBM as they are, and the trees of
scikit-learn and CatBoost are written here, node by node, in double precision.
"""

import copy
import importlib
import importlib.metadata
import inspect
import json
import re
import shlex
import shutil
import subprocess
import tempfile
import unicodedata
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
    frame: rows that the model was trained on or held out with: a DataFrame of pandas or polars, a NumPy
        array, or a dict of columns by name. Columns that the model does not take are left out.
    name, version, out: the artifact's folder, OUT/NAME/VERSION; without a version the next free one.
    target: the column that holds the true value, if the frame has one. The answer is called so, and the
        fallback is fitted to it.
    predictions: the model's answers for these rows, an array or a dict of them by name; they are asked of
        the model where they are not given.
    key, passphrase_file: an Ed25519 key in PEM to sign with, made by `serin sign --new-key`.
    stage: "production" or "staging"; production where there is a key.
    environment: a lock file; without one the packages of this environment are listed.
    serin: the program.
    flags: more flags of `serin pack`, such as ["--tolerance", "1e-4"], or the same as one text.

    Returns the artifact's path, or None with `--dry-run`, which writes nothing. Raises PackError with
    everything that is wrong.
    """
    program = shutil.which(serin)
    if program is None:
        raise PackError(f"no program '{serin}'; put serin on the PATH, or give its path as serin=...")
    flags = shlex.split(flags) if isinstance(flags, str) else [str(flag) for flag in flags]
    exporter = _exporter(model)
    frame = _table(frame)
    columns = _columns(frame)
    target = None if target is None else str(target)
    if target is not None and target not in columns:
        raise PackError(f"no column '{target}', which target names; the frame has {', '.join(columns)}")
    rows = {column: values for column, values in columns.items() if column != target}
    folder = Path(tempfile.mkdtemp(prefix="serin-pack-"))
    try:
        export = _exported(exporter, model, frame, rows, folder, target, program)
        answers = export.answers if predictions is None else _given(predictions, frame, target)
        _require_rows(answers, columns)
        truth = None if target is None else _truth(columns[target], model, answers)
        _write(folder / "rows.npz", {**export.rows, **({} if truth is None else {target: truth})})
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
        if truth is not None:
            command += ["--target", target]
        if key is not None:
            command += ["--key", str(key)]
        if passphrase_file is not None:
            command += ["--passphrase-file", str(passphrase_file)]
        if not export.is_exact and not any(flag.startswith("--absolute-tolerance") for flag in flags):
            command += ["--absolute-tolerance", _rounding(answers)]
        command += [*export.flags, *flags]
        before = _versions(out, name)
        try:
            done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        except (OSError, ValueError) as problem:
            raise PackError(f"{program} cannot be run: {problem}") from problem
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().replace(f"{folder}/", "")
            is_single = any(getattr(values, "dtype", None) == np.float32 for values in export.rows.values())
            if "gives other answers" in said and is_single and export.framework[0] == "scikit-learn" and not export.is_exact:
                said += (
                    "\nthe frame has columns of float32, which scikit-learn rounds at every step: fit and pack "
                    "frame.astype(float)"
                )
            raise PackError(said)
        print(done.stdout, end="")
        if "--dry-run" in flags:
            return None
        made = _versions(out, name) - before
        return str(Path(out) / name / str(version if version is not None else max(made, default="")))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_Export = namedtuple("_Export", "path rows answers framework flags is_exact", defaults=([], False))


def _exporter(model):
    """What exports a model, by the library that its class comes from."""
    if isinstance(model, type):
        raise PackError(f"{model.__name__} is a class; give a fitted model of it")
    for library, exporter in _EXPORTERS.items():
        if library in _libraries(model):
            return exporter
    raise PackError(
        f"a {type(model).__module__}.{type(model).__name__} cannot be packed; expected a model of "
        f"{', '.join(_EXPORTERS)}"
    )


def _libraries(model):
    return {base.__module__.split(".")[0] for base in type(model).__mro__}


def _exported(exporter, model, frame, rows, folder, target, program):
    """The model's export; what its library says against that is told with what it is about."""
    try:
        return exporter(model, frame, rows, folder, target, program)
    except PackError:
        raise
    except Exception as problem:
        name, reason = type(model).__name__, (str(problem).strip() or "no reason given").splitlines()[0][:300]
        if "NotFitted" in type(problem).__name__ or re.search(r"not (been )?(fitted|trained)|call fit", reason):
            raise PackError(f"this {name} is not fitted; call its fit before pack") from problem
        raise PackError(
            f"this {name} does not answer for the frame's rows: {type(problem).__name__}: {reason}; "
            "give rows of the form that it was fitted with"
        ) from problem


# MARK: Rows and answers


def _table(frame):
    """The rows with names: a DataFrame or a dict of columns; an array of more dimensions as it is."""
    kind = f"{type(frame).__module__.split('.')[0]}.{type(frame).__name__}"
    if hasattr(frame, "toarray"):
        raise PackError(f"a sparse {kind}; give its rows as a DataFrame, or as an array by toarray()")
    if hasattr(frame, "collect") or hasattr(frame, "column_names"):
        raise PackError(f"a {kind}; give a DataFrame, by its collect() or to_pandas()")
    if _is_frame(frame):
        names = [str(name) for name in frame.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise PackError(f"several columns are called {', '.join(twice)}; give each a name of its own")
        _check_names(names)
        return frame
    if isinstance(frame, dict):
        _check_names(map(str, frame))
        return {str(name): values for name, values in frame.items()}
    try:
        array = np.asarray(frame)
    except ValueError as problem:
        raise PackError(f"a {kind} whose rows differ in length; expected as many columns in each") from problem
    if array.ndim < 2:
        raise PackError(f"a {kind} of shape {array.shape}; expected rows and columns")
    return array if array.ndim > 2 else {f"f{index}": column for index, column in enumerate(array.T)}


def _check_names(names):
    seen = {}
    for name in names:
        if not name.strip() or "\0" in name:
            raise PackError(f"a column is called {name!r}; give it a name that clients can write")
        first = seen.setdefault(unicodedata.normalize("NFC", name), name)
        if first != name:
            raise PackError(f"columns {ascii(first)} and {ascii(name)} differ in their Unicode form alone; rename one")


def _listed(*names):
    """Names as a flag takes them: as CSV."""
    return ",".join('"' + name.replace('"', '""') + '"' if re.search('[",=\\s]', name) else name for name in names)


def _is_frame(frame):
    return hasattr(frame, "columns") and hasattr(frame, "dtypes")


def _columns(frame):
    """The columns by name: numbers, booleans and texts, whatever they came as."""
    if isinstance(frame, np.ndarray):
        return {"X": _column("X", frame)}
    named = {str(name): _column(str(name), frame[name]) for name in (frame.columns if _is_frame(frame) else frame)}
    counts = {len(values) for values in named.values()}
    if len(counts) != 1 or 0 in counts:
        raise PackError(f"columns of {sorted(counts)} rows; expected as many in each, and some")
    return named


def _column(name, values):
    if str(getattr(values, "dtype", "")) == "category":
        return np.array([_text(value) for value in values.astype(object)], dtype="U")
    array = np.asarray(values)
    if array.dtype.kind in "fiub" and array.dtype.itemsize <= 8:
        return array
    if array.dtype.kind in "US":
        return array.astype("U")
    if array.dtype.kind == "O" and array.ndim == 1:
        kept = {row: value for row, value in enumerate(array) if not _is_missing(value)}
        odd = [row for row, value in kept.items() if not isinstance(value, str)]
        if not odd:
            return np.array([_text(value) for value in array], dtype="U")
        if len(odd) == len(array) and all(isinstance(value, (bool, np.bool_)) for value in array):
            return array.astype(bool)
        if len(odd) == len(kept):
            numbers = np.full(len(array), np.nan)
            try:
                numbers[list(kept)] = [float(value) for value in kept.values()]
                return numbers
            except (TypeError, ValueError):
                pass
        raise PackError(
            f"column '{name}', row {odd[0]}: {type(array[odd[0]]).__name__}"
            f"{'' if len(odd) == len(kept) else ', and texts in other rows'}; expected numbers, booleans or texts"
        )
    raise PackError(
        f"column '{name}' holds {array.dtype}; expected numbers, booleans or texts: leave it out where the model does "
        "not take it, or convert it"
    )


def _is_missing(value):
    return value is None or type(value).__name__ in ("NAType", "NaTType") or (
        isinstance(value, (float, np.floating)) and value != value
    )


def _text(value):
    """A category as clients write it; nothing where it is missing."""
    return "" if _is_missing(value) else str(value)


def _number(value):
    """A number as a float, also one that is written as text; None for anything else."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _sources(rows, names):
    """The frame's column for each column that a model was fitted with, in the model's order.

    Where the model knows no names, or the rows are an array's, which has none, their order counts.
    """
    names = list(rows) if names is None else [str(name) for name in names]
    lost = [name for name in names if name not in rows]
    if not lost:
        return dict(zip(names, names))
    if len(names) == len(rows) and list(rows) == [f"f{index}" for index in range(len(rows))]:
        return dict(zip(names, rows))
    raise PackError(f"no column {', '.join(lost)}, which the model was fitted with; the frame has {', '.join(rows)}")


def _matrix(frame, sources, is_named=True):
    """The rows as a model's own interface takes them."""
    if isinstance(frame, np.ndarray):
        return frame
    if _is_frame(frame):
        whose = {str(column): column for column in frame.columns}
        part = frame[[whose[source] for source in sources.values()]]
        return part if is_named or not hasattr(part, "to_numpy") else part.to_numpy()
    if is_named:
        try:
            return importlib.import_module("pandas").DataFrame({n: frame[s] for n, s in sources.items()})
        except ImportError:
            pass
    parts = [np.asarray(frame[source]) for source in sources.values()]
    has_texts = any(values.dtype.kind in "OUS" for values in parts)
    return np.column_stack([values.astype(object) if has_texts else values for values in parts])


def _given(predictions, frame, target):
    """Answers that were handed over."""
    index, own = getattr(predictions, "index", None), getattr(frame, "index", None)
    if hasattr(index, "equals") and hasattr(own, "equals") and len(index) == len(own) and not index.equals(own):
        raise PackError(
            "the index of the predictions is not the frame's; put them in the order of its rows, or give "
            "predictions.to_numpy() if they are"
        )
    return _answers(predictions, target)


def _require_rows(answers, columns):
    count = len(next(iter(columns.values())))
    for name, values in answers.items():
        own = len(values) if np.ndim(values) else 0
        if own != count:
            raise PackError(
                f"predictions '{name}': {own} rows, and {count} in the frame; give one for each, in their order"
            )


def _answers(values, target, name="prediction"):
    """Answers by name; a matrix of one column is a list."""
    if isinstance(values, dict):
        return {str(key): _column(str(key), np.asarray(value)) for key, value in values.items()}
    if hasattr(values, "columns"):
        return {str(key): _column(str(key), values[key]) for key in values.columns}
    array = np.asarray(values)
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    name = target if target and array.ndim == 1 else name
    return {name: _column(name, array)}


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


def _truth(values, model, answers):
    """The true values as numbers where the answers are: whether it was the class of the one probability.

    None where there are more classes, each with a probability of its own.
    """
    if values.dtype.kind != "U" or any(answer.dtype.kind == "U" for answer in answers.values()):
        return values
    classes = getattr(getattr(model, "best_estimator_", model), "classes_", None)
    if set(answers) != {"probability"} or classes is None or len(classes) != 2:
        return None
    strange = sorted(set(values.tolist()) - {"", *map(str, classes)})
    if strange:
        raise PackError(f"the target holds {', '.join(strange[:5])}, and the model knows {', '.join(map(str, classes))}")
    return np.where(values == "", np.nan, values == str(classes[1]))


def _rounding(answers):
    """What single precision may be off by, of answers near zero."""
    numbers = [values for values in answers.values() if values.dtype.kind == "f"]
    sizes = [np.abs(values[np.isfinite(values)]).max(initial=0) for values in numbers]
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


def _xgboost(model, frame, rows, folder, target, program):
    import xgboost

    booster = model.get_booster() if hasattr(model, "get_booster") else model
    missing = getattr(model, "missing", None)
    if missing is not None and missing == missing:
        raise PackError(
            f"this {type(model).__name__} takes {missing:g} for missing (missing={missing:g}), which its file does not "
            "tell: write NaN where a value is missing, train without missing=, and pack that"
        )
    names = booster.feature_names
    sources = _sources(rows, names)
    path = folder / "model.ubj"
    model.save_model(path)
    data = _matrix(frame, sources, is_named=names is not None)
    if hasattr(model, "predict_proba"):
        answers = _probabilities(model.predict_proba(data), getattr(model, "classes_", None))
    elif model is booster:
        answers = _booster(model.predict(xgboost.DMatrix(data, enable_categorical=True)), booster, target)
    else:
        answers = _booster(model.predict(data), booster, target)
    flags = []
    for name, source in sources.items() if _is_frame(frame) else ():
        # XGBoost keeps names of categories whole only where they are ASCII.
        categories = getattr(getattr(frame[source], "cat", None), "categories", ())
        if not all(str(category).isascii() for category in categories):
            flags += ["--encode", f"{_listed(name)}=ordinal:{_listed(*map(str, categories))}"]
    return _Export(path, _named(rows, sources), answers, ("xgboost", xgboost.__version__), flags, is_exact=True)


def _named(rows, sources):
    """All columns, those of the model first and with the names that it has for them."""
    others = {name: values for name, values in rows.items() if name not in sources.values()}
    return {**{name: rows[source] for name, source in sources.items()}, **others}


def _booster(values, booster, target):
    """Answers of a booster, called by what its objective makes of them."""
    objective = re.search(r'"objective":"(\w+:\w+)"|"objective":\{"name":"([\w:]+)"', booster.save_config())
    if "logistic" in (objective.group(0) if objective else "") or np.asarray(values).ndim == 2:
        return _probabilities(values) if np.asarray(values).ndim == 1 else {"probabilities": values}
    return _answers(values, target)


def _lightgbm(model, frame, rows, folder, target, program):
    import lightgbm

    booster = model if hasattr(model, "save_model") else model.booster_
    path = folder / "model.txt"
    booster.save_model(path)
    names = booster.feature_name()
    known = {name.replace(" ", "_"): name for name in rows}  # As LightGBM writes names.
    if names == [f"Column_{index}" for index in range(len(names))] and not set(names) <= set(rows):
        sources = _sources(rows, None) if len(names) == len(rows) else _sources(rows, names)
        sources = dict(zip(names, sources))
    elif not set(names) <= set(rows) and len(known) == len(rows) and set(names) <= set(known):
        sources = {name: known[name] for name in names}
    else:
        sources = _sources(rows, names)
    data = _matrix(frame, sources)
    if hasattr(model, "predict_proba"):
        answers = _probabilities(model.predict_proba(data), model.classes_)
    else:
        values = model.predict(data)
        is_probability = re.search(r"^objective=(binary|cross_entropy$|multiclass)", path.read_text("utf-8"), re.M)
        answers = (
            {"probabilities": values} if np.asarray(values).ndim == 2
            else _probabilities(values) if is_probability else _answers(values, target)
        )
    return _Export(path, _named(rows, sources), answers, ("lightgbm", lightgbm.__version__), is_exact=True)


# MARK: Libraries with exporters


def _torch(model, frame, rows, folder, target, program):
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
    wide = {str(tensor.dtype) for tensor in model.parameters() if tensor.is_floating_point()} - {"torch.float32"}
    if wide:
        raise PackError(
            f"the module computes in {', '.join(sorted(wide))}, and its rows are given as float32; "
            "call its float(), and see whether its answers are still good"
        )
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            given = model(*tensors)
            names, values = _outputs(given, target)
            _answers_rows_alone(model, tensors, names, values)
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
    flags = ["--features", _listed(*rows)] if is_table else []
    return _Export(path, rows if is_table else inputs, answers, ("torch", torch.__version__.split("+")[0]), flags)


def _answers_rows_alone(model, tensors, names, values):
    """Refuses a module whose answer to a row depends on the rows beside it."""
    if any(value.dim() == 0 for value in values):
        return
    row = len(values[0]) // 2
    try:
        _, alone = _outputs(model(*(tensor[row : row + 1] for tensor in tensors)), None)
    except (RuntimeError, ValueError, IndexError) as problem:
        raise PackError(f"the module does not answer for a row alone: {problem}") from None
    for name, given, own in zip(names, values, alone):
        one, other = (value.detach().cpu().double().numpy().ravel() for value in (given[row : row + 1], own))
        if one.shape != other.shape or not np.allclose(one, other, rtol=1e-3, atol=1e-5, equal_nan=True):
            raise PackError(
                f"output {name}: the module answers row {row} with {_shown(one)} among the others and with "
                f"{_shown(other)} alone; a norm, a softmax or a mean over the rows makes answers depend on who else asks"
            )


def _shown(values):
    return ", ".join(f"{value:.6g}" for value in values[:3]) + (", …" if len(values) > 3 else "")


def _outputs(given, target):
    """Names and values of what a module's forward gives."""
    if isinstance(given, dict):
        return list(given), list(given.values())
    if isinstance(given, (tuple, list)):
        return [f"output_{index}" for index in range(len(given))], list(given)
    return [target or "prediction"], [given]


def _sklearn(model, frame, rows, folder, target, program):
    import sklearn

    # A search answers with what it found.
    model = getattr(model, "best_estimator_", model)
    before, last = _parted(model)
    foreign = next((library for library in _BEHIND if library in _libraries(last)), None)
    if foreign and not before:
        return _EXPORTERS[foreign](last, frame, rows, folder, target, program)
    if not hasattr(model, "predict"):
        raise PackError(f"{type(model).__name__} has no predict; pack the pipeline that ends in a model")
    names = getattr(model, "feature_names_in_", None)
    sources = _sources(rows, names)
    columns = {name: rows[source] for name, source in sources.items()}
    data = _matrix(frame, sources, is_named=names is not None)
    is_classifier = sklearn.base.is_classifier(model)
    if is_classifier and isinstance(getattr(model, "classes_", None), list):
        raise PackError(
            f"this {type(model).__name__} has {len(model.classes_)} targets; pack a classifier for each, which may "
            "share their rows"
        )
    if is_classifier and hasattr(model, "predict_proba"):
        # The label follows from them, and where two are equal it is rounding that chooses.
        answers = _probabilities(model.predict_proba(data), model.classes_)
    else:
        answers = _answers(model.predict(data), "label" if is_classifier else target)
    forest = _sklearn_forest(last, None if before else list(columns.values()))
    given = None if foreign is None else _transformed(before, data, foreign)
    if foreign == "catboost":
        forest = _catboost_trees(last, given, list(_columns(_table(given)).values()), folder)
    by_name = _takes_names(model) or _has_texts(columns)
    path = folder / "model.onnx"
    if forest is not None:
        name = "probabilities" if is_classifier else target or "prediction"
        strict = []
        graph = before and _converted(before, columns, by_name, strict)
        onnx = _forest_graph(forest, graph, columns, by_name, name, bool(strict))
    elif foreign is not None:
        strict = []
        graph = _converted(before, columns, by_name, strict)
        onnx = _joined(graph, _as_onnx(last, given[:100], _BEHIND[foreign], folder, program), bool(strict))
    elif any(np.isinf(tree.threshold).any() for tree in _trees(model)):
        raise PackError(
            "skl2onnx does not export trees that part missing values from others, except as the last step of a "
            "pipeline; fill them in before, with SimpleImputer"
        )
    else:
        onnx = _converted(model, columns, by_name, [])
    columns = _without_unused(onnx, columns) if by_name else columns
    path.write_bytes(onnx.SerializeToString())
    by_name = by_name and len(columns) > 1
    flags = [] if by_name else ["--features", _listed(*columns)]
    for value, name in zip(onnx.graph.input if by_name else (), columns):
        # skl2onnx calls columns otherwise where their names are none of its own.
        flags += ["--input", f"{_listed(value.name)}={_listed(name)}"] if value.name != name else []
    is_exact = forest is not None and not before
    return _Export(path, {**columns, **rows}, answers, ("scikit-learn", sklearn.__version__), flags, is_exact)


def _without_unused(onnx, columns):
    """The columns that the graph makes something of; it loses its inputs for the others."""
    used = {name for node in onnx.graph.node for name in node.input}
    kept = [(value, name) for value, name in zip(onnx.graph.input, columns) if value.name in used]
    if kept:
        del onnx.graph.input[:]
        onnx.graph.input.extend(value for value, _ in kept)
        columns = {name: columns[name] for _, name in kept}
    return columns


def _transformed(before, data, library):
    """What the steps before a model of another library make of the rows."""
    given = before.transform(data)
    if hasattr(given, "toarray"):
        if library == "xgboost":
            raise PackError(
                "the steps give a sparse matrix, whose zeros XGBoost takes for missing; let them give a dense one and "
                "fit again: sparse_threshold=0 for ColumnTransformer, sparse_output=False for OneHotEncoder"
            )
        given = given.toarray()
    if isinstance(given, np.ndarray) and given.dtype.kind == "O":
        given = given.astype(float)
    kinds = {values.dtype.kind for values in _columns(_table(given)).values()}
    if "U" in kinds:
        raise PackError("the steps give texts or categories; let them give numbers, or leave the steps out")
    return given


def _as_onnx(model, rows, exporter, folder, program):
    """The ONNX that `serin pack` makes of a library's own file."""
    from onnx import compose, load

    place = folder / "last"
    place.mkdir()
    frame = _table(rows)
    export = exporter(model, frame, _columns(frame), place, None, program)
    _write(place / "rows.npz", export.rows)
    _write(place / "predictions.npz", export.answers)
    done = subprocess.run(
        [program, "pack", "--model", str(export.path), "--data", str(place / "rows.npz"), "--predictions",
         str(place / "predictions.npz"), "--name", "last", "--version", "1", "--out", str(place), *export.flags],
        capture_output=True, text=True, encoding="utf-8",
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().replace(f"{place}/", "")
        raise PackError(f"the last step, without those before it: {said}")
    return compose.add_prefix(load(place / "last" / "1" / "model.onnx"), "last_")


def _joined(before, last, is_strict):
    """One graph behind the other. is_strict: whether the first makes infinite what no answer may be given for."""
    from onnx import TensorProto, helper, numpy_helper

    graph, (given,), (taken,) = before.graph, before.graph.output, last.graph.input
    graph.node.append(helper.make_node("Cast", [given.name], [taken.name], to=taken.type.tensor_type.elem_type))
    del graph.output[:]
    graph.initializer.extend(last.graph.initializer)
    graph.node.extend(last.graph.node)
    for output in last.graph.output:
        kind = output.type.tensor_type.elem_type
        if is_strict and kind in (TensorProto.FLOAT, TensorProto.DOUBLE):
            own = f"{output.name}_strict"
            dtype = helper.tensor_dtype_to_np_dtype(kind)
            graph.initializer.extend([
                numpy_helper.from_array(np.array([1]), f"{own}_axis"),
                numpy_helper.from_array(np.array(np.nan, dtype), f"{own}_none"),
            ])
            graph.node.extend([
                helper.make_node("IsInf", [taken.name], [f"{own}_each"]),
                helper.make_node("Cast", [f"{own}_each"], [f"{own}_count"], to=TensorProto.DOUBLE),
                helper.make_node("ReduceMax", [f"{own}_count", f"{own}_axis"], [f"{own}_most"]),
                helper.make_node("Cast", [f"{own}_most"], [f"{own}_any"], to=TensorProto.BOOL),
                helper.make_node("Where", [f"{own}_any", f"{own}_none", output.name], [own]),
            ])
            output.name = own
        graph.output.append(output)
    del before.opset_import[:]
    before.opset_import.extend(last.opset_import)
    before.ir_version = last.ir_version
    return before


def _parted(model):
    """The steps of a pipeline before its model as one transformer, or None, and the model."""
    steps = [step for _, step in getattr(model, "steps", [("", model)]) if step not in (None, "passthrough")]
    if len(steps) < 2:
        return None, steps[-1]
    return type(model)([(f"step{index}", step) for index, step in enumerate(steps[:-1])]), steps[-1]


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


def _converted(model, columns, by_name, strict):
    """The model as ONNX, in double precision as scikit-learn works, unless all its columns are single.

    strict: gets an entry for each column of numbers of which some are no category that is known, and then are
        made infinite.
    """
    if hasattr(model, "flatten_transform"):
        # What a voting classifier would transform to is not asked for, and skl2onnx exports one form alone.
        model = copy.copy(model)
        model.flatten_transform = False
    numbers = [values.dtype for values in columns.values() if values.dtype.kind != "U"]
    is_single = bool(numbers) and all(dtype == np.float32 for dtype in numbers)
    single = _convert(model, columns, by_name, True, strict)
    if is_single:
        return single
    try:
        double = _convert(model, columns, by_name, False, strict)
    except PackError:  # Some converters know single precision only, and some write it among doubles.
        return single
    _with_single_trees(double, single)
    return double


def _convert(model, columns, by_name, is_single, strict):
    skl2onnx = _need("skl2onnx", "skl2onnx")
    from skl2onnx.common import data_types
    from sklearn.base import is_classifier

    number = data_types.FloatTensorType if is_single else data_types.DoubleTensorType
    if by_name:
        types = [
            (name, (data_types.StringTensorType if values.dtype.kind == "U" else number)([None, 1]))
            for name, values in columns.items()
        ]
    else:
        types = [("X", number([None, len(columns)]))]
    converters, widths = _converters(strict)

    def converted(**options):
        return skl2onnx.convert_sklearn(
            model, initial_types=types, target_opset={"": 19, "ai.onnx.ml": 3}, custom_conversion_functions=converters,
            custom_shape_calculators=widths, **options,
        )

    try:
        try:
            onnx = converted(options={"zipmap": False} if is_classifier(model) else None)
        except Exception as problem:
            if "zipmap" not in str(problem):
                raise
            onnx = converted()  # A classifier without probabilities.
        for opset in onnx.opset_import:
            opset.version = 19 if opset.domain == "" else opset.version
        _declare_outputs(onnx)
        return onnx
    except Exception as problem:
        reason = (str(problem).strip() or type(problem).__name__).splitlines()[0]
        if "an int, got a boolean" in str(problem.__cause__):
            reason = "it needs an older protobuf: pip install 'protobuf<7'"
        raise PackError(f"skl2onnx cannot export this model: {reason[:300]}") from problem


def _declare_outputs(onnx):
    """Corrects the precision that outputs are declared in; raises where types do not fit each other."""
    from onnx import helper, shape_inference

    open_ended = copy.deepcopy(onnx)
    del open_ended.graph.output[:]
    open_ended.graph.output.extend(helper.make_empty_tensor_value_info(value.name) for value in onnx.graph.output)
    inferred = shape_inference.infer_shapes(open_ended, check_type=True, strict_mode=True)
    kinds = {value.name: value.type.tensor_type.elem_type for value in inferred.graph.output}
    for value in onnx.graph.output:
        if kinds.get(value.name):
            value.type.tensor_type.elem_type = kinds[value.name]


class _Steps:
    """Writes a transformer of scikit-learn into the graph that skl2onnx makes, column by column."""

    def __init__(self, scope, operator, container):
        self.scope, self.operator, self.container = scope, operator, container

    def add(self, kind, inputs, domain="", output=None, **attributes):
        output = output or self.scope.get_unique_variable_name("serin")
        name = self.scope.get_unique_operator_name(kind)
        self.container.add_node(kind, inputs, [output], op_domain=domain, name=name, **attributes)
        return output

    def constant(self, values):
        from onnx import numpy_helper

        return self.add("Constant", [], value=numpy_helper.from_array(np.array(values)))

    def cast(self, value, kind):
        from onnx import TensorProto

        return self.add("Cast", [value], to=getattr(TensorProto, kind))

    def columns(self):
        """Each column, numbers as doubles, and whether it holds texts."""
        for value in self.operator.inputs:
            is_text, width = type(value.type).__name__ == "StringTensorType", value.type.shape[1]
            for index in range(width):
                name = value.full_name
                if width > 1:
                    name = self.add("Gather", [name, self.constant([index])], axis=1)
                yield (name if is_text else self.cast(name, "DOUBLE")), is_text

    def place(self, column, is_text, categories, places, unknown):
        """The place of each value among the categories, `unknown` where it is none of them."""
        if is_text:
            found = self.add(
                "LabelEncoder", [column], "ai.onnx.ml", op_version=2, keys_strings=[_text(value) for value in categories],
                values_floats=[float(place) for place in places], default_float=float(unknown),
            )
            return self.cast(found, "DOUBLE")
        known = [index for index, value in enumerate(categories) if not _is_missing(value)]
        table = np.array([[float(categories[index]) for index in known]])
        hits = self.cast(self.add("Equal", [column, self.constant(table)]), "DOUBLE")
        found = self.add("MatMul", [hits, self.constant([[float(places[index])] for index in known])])
        hit = self.cast(self.add("MatMul", [hits, self.constant(np.ones((len(known), 1)))]), "BOOL")
        found = self.add("Where", [hit, found, self.constant(float(unknown))])
        for index in set(range(len(categories))) - set(known):
            lost = self.constant(float(places[index]))
            found = self.add("Where", [self.add("IsNaN", [column]), lost, found])
        return found

    def close(self, parts, kind):
        """Puts columns side by side as the operator's output."""
        output = self.operator.outputs[0].full_name
        part = self.add("Concat", parts, axis=1) if len(parts) > 1 else parts[0]
        self.add("Identity", [part], output=output) if kind == "STRING" else self.add(
            "Cast", [part], output=output, to=getattr(importlib.import_module("onnx").TensorProto, kind)
        )


def _converters(strict):
    """What skl2onnx rounds, mistakes or does not know: encoders of categories, and what fills in missing values.

    Categories are compared in double precision, and missing texts are the empty text, as in the rows.
    """
    from skl2onnx.common import data_types
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

    def groups(model, index):
        """The place of each category, those that are rare together, and the place of the rare."""
        places = list(range(len(model.categories_[index])))
        mapping = model._default_to_infrequent_mappings[index] if model._infrequent_enabled else None
        if mapping is None:
            return places, None
        places[:len(mapping)] = map(int, mapping)
        return places, int(mapping[model._infrequent_indices[index][0]])

    def ordinal(scope, operator, container):
        steps, model, parts = _Steps(scope, operator, container), operator.raw_operator, []
        is_strict = model.handle_unknown == "error"
        for index, (column, is_text) in enumerate(steps.columns()):
            categories = model.categories_[index]
            places = [
                model.encoded_missing_value if _is_missing(category) else place
                for category, place in zip(categories, groups(model, index)[0])
            ]
            strict.extend([index] if is_strict and not is_text else [])
            parts.append(steps.place(column, is_text, categories, places, np.inf if is_strict else model.unknown_value))
        steps.close(parts, "FLOAT")

    def one_hot(scope, operator, container):
        steps, model, parts = _Steps(scope, operator, container), operator.raw_operator, []
        is_strict = model.handle_unknown == "error"
        for index, (column, is_text) in enumerate(steps.columns()):
            places, rare = groups(model, index)
            dropped = None if model._drop_idx_after_grouping is None else model._drop_idx_after_grouping[index]
            width = max(places) + (dropped is None)
            if width == 0:
                continue
            if dropped is not None:
                places = [-1 if place == dropped else place - (place > dropped) for place in places]
                rare = None if rare is None else -1 if rare == dropped else rare - (rare > dropped)
            takes_rare = model.handle_unknown in ("infrequent_if_exist", "warn") and rare is not None
            unknown = np.inf if is_strict else rare if takes_rare else -1
            place = steps.place(column, is_text, model.categories_[index], places, unknown)
            hot = steps.cast(steps.add("Equal", [place, steps.constant([np.arange(width, dtype=float)])]), "DOUBLE")
            if is_strict and not is_text:
                strict.append(index)
                hot = steps.add("Where", [steps.add("IsInf", [place]), place, hot])
            parts.append(hot)
        steps.close(parts, "FLOAT")

    def filled(model, index):
        return model.keep_empty_features or not _is_missing(model.statistics_[index])

    def impute(scope, operator, container):
        steps, model, parts, masks = _Steps(scope, operator, container), operator.raw_operator, [], []
        kind = type(operator.outputs[0].type).__name__
        for index, (column, is_text) in enumerate(steps.columns()):
            statistic, lost = model.statistics_[index], model.missing_values
            if is_text:
                lost = np.array([_text(lost)], dtype=object)
                statistic = np.array([_text(statistic)], dtype=object)
                masks.append(steps.add("Equal", [column, steps.constant(lost)]))
            else:
                statistic = 0.0 if statistic is None else float(statistic)
                masks.append(
                    steps.add("IsNaN", [column]) if _is_missing(lost)
                    else steps.add("Equal", [column, steps.constant(float(lost))])
                )
            if filled(model, index):
                parts.append(steps.add("Where", [masks[-1], steps.constant(statistic), column]))
        for index in model.indicator_.features_ if model.add_indicator else ():
            parts.append(steps.cast(masks[index], "DOUBLE"))
        steps.close(parts, {"StringTensorType": "STRING", "DoubleTensorType": "DOUBLE"}.get(kind, "FLOAT"))

    def impute_width(operator):
        model, kinds = operator.raw_operator, {type(value.type) for value in operator.inputs}
        width = sum(filled(model, index) for index in range(len(model.statistics_)))
        if model.add_indicator:
            if data_types.StringTensorType in kinds:
                raise NotImplementedError("SimpleImputer with add_indicator=True for texts")
            width += len(model.indicator_.features_)
        kind = data_types.DoubleTensorType
        if data_types.StringTensorType in kinds:
            kind = data_types.StringTensorType
        elif kinds == {data_types.FloatTensorType}:
            kind = data_types.FloatTensorType
        operator.outputs[0].type = kind([operator.inputs[0].get_first_dimension(), width])

    def width(operator):
        model = operator.raw_operator
        count = sum(
            1 if isinstance(model, OrdinalEncoder)
            else max(groups(model, index)[0]) + 1 - (
                model._drop_idx_after_grouping is not None and model._drop_idx_after_grouping[index] is not None
            )
            for index in range(len(model.categories_))
        )
        operator.outputs[0].type = data_types.FloatTensorType([operator.inputs[0].get_first_dimension(), count])

    return (
        {OrdinalEncoder: ordinal, OneHotEncoder: one_hot, SimpleImputer: impute},
        {OrdinalEncoder: width, OneHotEncoder: width, SimpleImputer: impute_width},
    )


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


# MARK: Trees, as they are


class _Forest:
    """Trees whose leaves are added up, as one TreeEnsemble of ai.onnx.ml 5 in double precision.

    Every node is the library's own, and trees keep their order, so that sums are the library's to the last bit.
    start: what each score starts from. link: what makes answers of the scores. count: what scores are divided
    by. is_single: whether the library compares in single precision.
    """

    def __init__(self, start, link="Identity", count=1, is_single=False):
        self.start, self.link, self.count, self.is_single = np.ravel(start), link, count, is_single
        self.scale, self.bias = 1.0, None
        self.keys = {}  # By column of texts: those whose number the trees ask for.
        self.parts = {}
        self.members = []
        self.inner = self.leaves = 0
        for target, value in enumerate(self.start):
            if value != 0:
                self.add(([-1], [-1], [0], [0.0], [False]), [value], target)

    def add(self, tree, value, target, sets=None):
        """Adds a tree.

        tree: lists with an entry a node, children behind their parents: left, right (below 0 at a leaf), column,
            threshold, whether a missing value goes left.
        value: of each leaf.
        sets: by node that asks for categories, those that go left and those that go right; everything else goes
            as what is missing.
        """
        left, right, column, threshold, missing_left = map(np.asarray, tree)
        value = np.asarray(value, np.float64)
        if left[0] < 0:
            # A root has to be a node: one that both ways lead on from to the leaf.
            left, right, value = np.array([1, -1]), np.array([1, -1]), np.repeat(value[:1], 2)
            column, threshold, missing_left = np.zeros(2, int), np.zeros(2), np.zeros(2, bool)
        if self.is_single:
            threshold = _single_thresholds(threshold)
        is_leaf = left < 0
        at = ~is_leaf
        place = np.where(is_leaf, self.leaves + np.cumsum(is_leaf), self.inner + np.cumsum(at)) - 1
        first, second = left.copy(), right.copy()
        modes, tracks = np.zeros(len(left), np.uint8), missing_left.astype(np.int64)
        for node, (to_left, to_right) in sorted((sets or {}).items()):
            # The set is that of the side where missing values do not go.
            if missing_left[node]:
                first[node], second[node] = right[node], left[node]
            modes[node], tracks[node] = 6, 0
            self.members += [*sorted(to_right if missing_left[node] else to_left), np.nan]
        self._append(
            nodes_featureids=column[at], nodes_splits=np.where(modes == 6, 0.0, threshold)[at], nodes_modes=modes[at],
            nodes_truenodeids=place[first[at]], nodes_trueleafs=is_leaf[first[at]],
            nodes_falsenodeids=place[second[at]], nodes_falseleafs=is_leaf[second[at]],
            nodes_missing_value_tracks_true=tracks[at], tree_roots=[self.inner],
            leaf_weights=value[is_leaf], leaf_targetids=np.full(is_leaf.sum(), target),
        )
        self.inner += int(at.sum())
        self.leaves += int(is_leaf.sum())

    def _append(self, **lists):
        for key, values in lists.items():
            self.parts.setdefault(key, []).append(values)

    def attributes(self):
        """Of the TreeEnsemble."""
        from onnx import numpy_helper

        types = {"nodes_splits": np.float64, "nodes_modes": np.uint8, "leaf_weights": np.float64}
        found = {"n_targets": len(self.start), "aggregate_function": 1, "post_transform": 0}
        if self.members:
            found["membership_values"] = numpy_helper.from_array(np.array(self.members))
        for key, parts in self.parts.items():
            values = np.concatenate(parts).astype(types.get(key, np.int64))
            found[key] = numpy_helper.from_array(values) if key in types else values.tolist()
        return found


def _single_thresholds(thresholds):
    """For each threshold the largest double that is not above it once it is rounded to single precision."""
    with np.errstate(over="ignore", invalid="ignore"):
        below = thresholds.astype(np.float32)
        below = np.where(below > thresholds, np.nextafter(below, np.float32(-np.inf)), below)
        middle = (below.astype(np.float64) + np.nextafter(below, np.float32(np.inf)).astype(np.float64)) / 2
    # What is halfway between two floats becomes the even one.
    return np.where(below.view(np.uint32) % 2 == 0, middle, np.nextafter(middle, -np.inf))


def _forest_graph(forest, before, columns, by_name, answer, is_strict=False):
    """A forest as ONNX.

    before: the graph that makes its columns of the rows, or None. is_strict: whether that makes infinite what no
        answer may be given for.
    """
    _need("onnx", "onnx")
    from onnx import TensorProto, helper, numpy_helper

    graph = before.graph if before else helper.make_graph([], "model", [], [])
    opsets = {opset.domain: opset.version for opset in before.opset_import} if before else {"": 19}
    count, own = 0, "serin"
    while any(name.startswith(own) for name in columns):
        own += "_"

    def add(operator, inputs, domain="", output=None, **attributes):
        nonlocal count
        count += 1
        output = output or f"{own}_{count}"
        graph.node.append(helper.make_node(operator, inputs, [output], domain=domain, **attributes))
        return output

    def constant(value):
        return add("Constant", [], value=numpy_helper.from_array(np.array(value)))

    if before:
        x = add("Cast", [graph.output[0].name], to=TensorProto.DOUBLE)
        del graph.output[:]
    else:
        is_single = all(values.dtype == np.float32 for values in columns.values() if values.dtype.kind != "U")
        number = TensorProto.FLOAT if is_single else TensorProto.DOUBLE
        inputs = [
            (name, TensorProto.STRING if values.dtype.kind == "U" else number, 1) for name, values in columns.items()
        ] if by_name else [("X", number, len(columns))]
        parts = []
        for index, (name, kind, width) in enumerate(inputs):
            graph.input.append(helper.make_tensor_value_info(name, kind, [None, width]))
            if kind == TensorProto.STRING:
                keys = forest.keys[index]
                name = add(
                    "LabelEncoder", [name], "ai.onnx.ml", default_tensor=numpy_helper.from_array(np.array([np.nan])),
                    keys_tensor=numpy_helper.from_array(np.array(keys, dtype=object)),
                    values_tensor=numpy_helper.from_array(np.arange(len(keys), dtype=np.float64)),
                )
            elif kind == TensorProto.FLOAT:
                name = add("Cast", [name], to=TensorProto.DOUBLE)
            parts.append(name)
        x = add("Concat", parts, axis=1) if len(parts) > 1 else parts[0]
    strange = None
    if is_strict:
        strange = add("Cast", [add("IsInf", [x])], to=TensorProto.DOUBLE)
        strange = add("Cast", [add("ReduceMax", [strange, constant([1])])], to=TensorProto.BOOL)
    x = add("TreeEnsemble", [x], "ai.onnx.ml", **forest.attributes())
    if forest.count != 1:
        x = add("Div", [x, constant(float(forest.count))])
    if forest.scale != 1:
        x = add("Mul", [x, constant(forest.scale)])
    if forest.bias is not None:
        x = add("Add", [x, constant(forest.bias)])
    if forest.link == "Softmax":
        axis = constant([1])
        x = add("Exp", [add("Sub", [x, add("ReduceMax", [x, axis])])])
        x = add("Div", [x, add("ReduceSum", [x, axis])])
    elif forest.link in ("Logit", "HalfLogit"):
        power = add("Exp", [add("Mul", [x, constant(-1.0 if forest.link == "Logit" else -2.0)])])
        x = add("Reciprocal", [add("Add", [power, constant(1.0)])])
    elif forest.link == "Log":
        x = add("Exp", [x])
    if strange:
        x = add("Where", [strange, constant(np.nan), x])
    while answer in {value.name for value in graph.input}:
        answer += "_"
    add("Identity", [x], output=answer)
    graph.output.append(helper.make_tensor_value_info(answer, TensorProto.DOUBLE, [None, len(forest.start)]))
    opsets = [helper.make_opsetid(domain, version) for domain, version in {**opsets, "ai.onnx.ml": 5}.items()]
    return helper.make_model(graph, opset_imports=opsets, producer_name="serin_pack", ir_version=9)


_LINKS = {
    "IdentityLink": "Identity", "LogLink": "Log", "LogitLink": "Logit", "HalfLogitLink": "HalfLogit",
    "MultinomialLogit": "Softmax",
}


def _sklearn_forest(model, columns):
    """A model of trees that are added up; None for any other. columns: its own, None behind other steps."""
    kinds = {base.__name__ for base in type(model).__mro__ if base.__module__.startswith("sklearn.")}
    link = _LINKS.get(type(getattr(getattr(model, "_loss", None), "link", None)).__name__)
    whose = None  # The model's columns that each tree got; None where all did.
    if "BaseHistGradientBoosting" in kinds and link:
        return _histogram_forest(model, columns, link)
    if "BaseGradientBoosting" in kinds and link:
        if model.init_ != "zero" and not type(model.init_).__name__.startswith("Dummy"):
            return None
        start = model._raw_predict_init(np.zeros((1, model.n_features_in_), np.float32))
        forest = _Forest(start, "Identity" if "RegressorMixin" in kinds else link, is_single=True)
        for trees in model.estimators_:
            for target, tree in enumerate(trees):
                forest.add(_nodes(tree.tree_), model.learning_rate * tree.tree_.value[:, 0, 0], target)
        return forest
    if kinds & {"ForestRegressor", "ForestClassifier"}:
        trees = [tree.tree_ for tree in model.estimators_]
    elif kinds & {"BaggingRegressor", "BaggingClassifier"}:
        trees = [getattr(part, "tree_", None) for part in model.estimators_]
        if any(tree is None or getattr(part, "n_classes_", 1) != getattr(model, "n_classes_", 1)
               for tree, part in zip(trees, model.estimators_)):
            return None
        whose = model.estimators_features_
    elif "BaseDecisionTree" in kinds:
        trees = [model.tree_]
    else:
        return None
    is_classifier = "ClassifierMixin" in kinds
    outputs = trees[0].value.shape[1]
    if is_classifier and outputs > 1:
        return None
    count = model.n_classes_ if is_classifier else outputs
    wanted = [1] if is_classifier and count == 2 else range(count)
    forest = _Forest(np.zeros(len(wanted)), count=len(trees), is_single=True)
    for index, tree in enumerate(trees):
        values = tree.value[:, 0, :] if is_classifier else tree.value[:, :, 0]
        sums = values.sum(axis=1, keepdims=True)
        if is_classifier and not np.allclose(sums, 1):  # Counts, before scikit-learn 1.3.
            values = values / np.where(sums == 0, 1, sums)
        for target, column in enumerate(wanted):
            part = _nodes(tree, None if whose is None else whose[index]), values[:, column]
            forest.add(*(part if len(wanted) == 1 else _pruned(*part)), target)
    return forest


def _nodes(tree, whose=None):
    lefts = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count, bool))
    columns = tree.feature if whose is None else np.where(tree.feature < 0, 0, np.asarray(whose)[tree.feature])
    return tree.children_left, tree.children_right, columns, tree.threshold, lefts.astype(bool)


def _pruned(nodes, values):
    """A tree and its values without the nodes below which the values are the same everywhere."""
    left, right, *others = (np.array(part) for part in nodes)
    values = np.array(values)
    kept = np.zeros(len(left), bool)
    kept[0] = True
    # Children are behind their parents.
    for node in np.flatnonzero(left >= 0)[::-1]:
        a, b = left[node], right[node]
        if left[a] < 0 and left[b] < 0 and values[a] == values[b]:
            left[node], right[node], values[node] = -1, -1, values[a]
    for node in np.flatnonzero(left >= 0):
        kept[[left[node], right[node]]] = kept[node]
    place = np.cumsum(kept) - 1
    left, right = (np.where(side < 0, -1, place[side])[kept] for side in (left, right))
    return (left, right, *(part[kept] for part in others)), values[kept]


def _histogram_forest(model, columns, link):
    """Histogram gradient boosting, which compares in double precision and knows categories."""
    forest = _Forest(model._baseline_prediction, link)
    order = np.arange(model.n_features_in_)
    numbers = {}  # By column of the trees: what the rows have for each code.
    if model.is_categorical_ is not None:
        # The trees have the columns of categories first.
        order = np.concatenate([order[model.is_categorical_], order[~model.is_categorical_]])
        encoder = model._preprocessor.named_transformers_["encoder"]
        for index, categories in enumerate(encoder.categories_):
            # None is one, NaN is not.
            categories = [value for value in categories if value is None or not _is_missing(value)]
            if columns is not None and columns[order[index]].dtype.kind == "U":
                # Whole numbers with holes are fractions for scikit-learn; they are written as the rows have them.
                written = {"True": 1.0, "False": 0.0}
                written = {
                    written.get(text, _number(text)): text for text in set(columns[order[index]].tolist())
                    if text in written or _number(text) is not None
                }
                keys = [_text(v) if isinstance(v, str) else written.get(_number(v), _text(v)) for v in categories]
                if len(set(keys)) < len(keys):
                    raise PackError(f"different categories that are written alike, of {', '.join(keys)}")
                forest.keys[order[index]], categories = keys, range(len(keys))
            numbers[index] = [float(value) for value in categories]
    for iteration in model._predictors:
        for target, predictor in enumerate(iteration):
            nodes, sets = predictor.nodes, {}
            is_leaf = nodes["is_leaf"].astype(bool)
            for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~is_leaf):
                bits = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]]
                sides = [], []
                for code, number in enumerate(numbers[nodes["feature_idx"][node]]):
                    sides[1 - (int(bits[code // 32]) >> code % 32 & 1)].append(number)
                sets[node] = sides
            left, right = (np.where(is_leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right"))
            column = np.where(is_leaf, 0, order[np.where(is_leaf, 0, nodes["feature_idx"])])
            missing_left = nodes["missing_go_to_left"].astype(bool)
            forest.add((left, right, column, nodes["num_threshold"], missing_left), nodes["value"], target, sets)
    return forest


def _catboost(model, frame, rows, folder, target, program):
    import catboost

    if not model.is_fitted():
        raise PackError(f"this {type(model).__name__} is not fitted; call its fit before pack")
    if model.get_text_feature_indices() or model.get_embedding_feature_indices():
        raise PackError("a CatBoost model of texts or embeddings cannot be packed; make numbers or categories of them")
    names = [str(name) for name in model.feature_names_]
    is_named = names != [str(index) for index in range(len(names))]
    sources = _sources(rows, names if is_named else None)
    columns = {name: rows[source] for name, source in sources.items()}
    data, name = _matrix(frame, sources, is_named), target or "prediction"
    if hasattr(model, "predict_proba"):
        answers, name = _probabilities(model.predict_proba(data), model.classes_), "probabilities"
    else:
        answers = _answers(model.predict(data), target)
    forest = _catboost_trees(model, data, list(columns.values()), folder)
    path = folder / "model.onnx"
    by_name = _has_texts(columns)
    path.write_bytes(_forest_graph(forest, None, columns, by_name, name).SerializeToString())
    flags = [] if by_name else ["--features", _listed(*columns)]
    return _Export(path, columns, answers, ("catboost", catboost.__version__), flags, is_exact=True)


def _catboost_trees(model, data, columns, folder):
    import catboost

    loss, link = str(model.get_all_params()["loss_function"]), "Identity"
    if hasattr(model, "predict_proba"):
        link = "Softmax" if loss == "MultiClass" else "Logit"
    elif isinstance(model, catboost.CatBoostRegressor) and loss.startswith(("Poisson", "Tweedie")):
        link = "Log"
    path = folder / "model.json"
    model.save_model(str(path), format="json", pool=catboost.Pool(data, cat_features=model.get_cat_feature_indices()))
    return _catboost_forest(json.loads(path.read_text("utf-8")), columns, link)


def _has_texts(columns):
    return any(values.dtype.kind == "U" for values in columns.values())


def _catboost_forest(stated, columns, link):
    """What CatBoost writes as JSON: oblivious trees, or trees of nodes within each other."""
    (scale, bias), features = stated["scale_and_bias"], stated["features_info"]
    forest = _Forest(np.zeros(len(bias)), link, is_single=True)
    forest.scale, forest.bias = float(scale), np.array(bias, np.float64)
    numbers = {feature["feature_index"]: feature for feature in features.get("float_features") or ()}
    categories = {feature["feature_index"]: feature for feature in features.get("categorical_features") or ()}
    names = {known["hash"]: known["value"] for known in features.get("cat_features_hash") or ()}
    for feature in categories.values():
        column = feature["flat_feature_index"]
        if columns[column].dtype.kind == "U":
            forest.keys[column] = sorted(set(columns[column].tolist()))

    def test(split, sets, node):
        """Column, threshold, and whether a missing value goes left; a category goes into `sets`."""
        if split["split_type"] == "FloatFeature":
            feature = numbers[split["float_feature_index"]]
            missing_left = feature["nan_value_treatment"] != "AsTrue"
            return feature["flat_feature_index"], np.float32(split["border"]), missing_left
        if split["split_type"] != "OneHotFeature":
            raise PackError(
                f"CatBoost turned categories into statistics of the target ({split['split_type']}), which cannot be "
                "packed; train with one_hot_max_size=255, or encode them before with OrdinalEncoder of scikit-learn"
            )
        feature = categories[split["cat_feature_index"]]
        column, name = feature["flat_feature_index"], names.get(split["value"] % 2**32)
        if name is None:
            raise PackError(
                f"no row has a category of '{feature['feature_name']}' that the model asks for; give rows with each"
            )
        sets[node] = [], [float(forest.keys[column].index(name) if column in forest.keys else name)]
        return column, 0.0, True

    def nested(splits, values):
        """An oblivious tree, whose last split counts most in the number of a leaf."""
        if not splits:
            return {"value": values[0]}
        half = len(values) // 2
        left, right = nested(splits[:-1], values[:half]), nested(splits[:-1], values[half:])
        return {"split": splits[-1], "left": left, "right": right}

    for tree in stated.get("oblivious_trees", stated.get("trees")):
        if "splits" in tree:
            tree = nested(tree["splits"], np.reshape(tree["leaf_values"], (-1, len(bias))))
        nodes, values, sets = [], [], {}

        def flatten(part):
            node = len(nodes)
            is_leaf = "split" not in part
            nodes.append([-1, -1, *((0, 0.0, False) if is_leaf else test(part["split"], sets, node))])
            values.append(np.ravel(part["value"]) if is_leaf else np.zeros(len(bias)))
            if not is_leaf:
                nodes[node][:2] = flatten(part["left"]), flatten(part["right"])
            return node

        flatten(tree)
        for target, value in enumerate(np.transpose(values)):
            forest.add(zip(*nodes), value, target, sets)
    return forest


# Libraries whose models may end a pipeline of scikit-learn, and whose files Serin reads.
_BEHIND = {"xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": None}
_EXPORTERS = {
    "xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": _catboost, "torch": _torch, "sklearn": _sklearn,
}
