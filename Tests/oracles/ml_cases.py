# SPDX-License-Identifier: Apache-2.0
"""Writes the fixtures of the ai.onnx.ml operators in ONNX's test layout.

    python Tests/oracles/ml_cases.py Tests/EngineTests/Fixtures/ml

Trained models carry the training library's own answers (test_data_set_0) and ONNX Runtime's
(test_data_set_1); hand-made graphs, for attributes no exporter writes, carry ONNX Runtime's, or
values worked out here where it has no kernel. Needs numpy, onnx, onnxruntime, xgboost, lightgbm,
scikit-learn, skl2onnx, onnxmltools.
"""
import json
import pathlib
import shutil
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

warnings.filterwarnings("ignore")
onnxruntime.set_default_logger_severity(4)
plain_attribute = helper.make_attribute


def attribute_without_booleans(key, value, *args, **kwargs):
    """skl2onnx hands booleans to attributes; newer protobuf takes integers only."""
    if isinstance(value, (bool, np.bool_)):
        value = int(value)
    elif isinstance(value, (list, tuple)) and any(isinstance(v, (bool, np.bool_)) for v in value):
        value = [int(v) for v in value]
    return plain_attribute(key, value, *args, **kwargs)


helper.make_attribute = attribute_without_booleans
onnx.helper.make_attribute = attribute_without_booleans

ROOT = pathlib.Path(sys.argv[1])
ROWS = 9
ML = "ai.onnx.ml"


def proto(value, name):
    if isinstance(value, list):
        keys = list(value[0])
        string_keys = isinstance(keys[0], str)
        sequence = onnx.SequenceProto(name=name, elem_type=onnx.SequenceProto.MAP)
        for row in value:
            entry = sequence.map_values.add()
            entry.key_type = TensorProto.STRING if string_keys else TensorProto.INT64
            if string_keys:
                entry.string_keys.extend(k.encode() for k in row)
            else:
                entry.keys.extend(int(k) for k in row)
            entry.values.elem_type = onnx.SequenceProto.TENSOR
            for v in row.values():
                entry.values.tensor_values.append(numpy_helper.from_array(np.float32(v)))
        return sequence
    value = np.asarray(value)
    if value.dtype.kind in "UO":
        tensor = TensorProto(name=name, data_type=TensorProto.STRING, dims=value.shape)
        tensor.string_data.extend(str(v).encode() for v in value.reshape(-1))
        return tensor
    return numpy_helper.from_array(np.ascontiguousarray(value), name)


def write(name, model, sets, rtol=1e-5, atol=1e-6):
    """Writes one folder; `sets` is a list of (inputs, outputs), each a list in graph order."""
    folder = ROOT / name
    folder.mkdir(parents=True)
    model.doc_string, model.graph.name = "", name
    model.ir_version = min(model.ir_version, 10)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "data.json").write_text(json.dumps({"atol": atol, "rtol": rtol}) + "\n")
    outputs_named = [o.name for o in model.graph.output]
    inputs_named = [i.name for i in model.graph.input]
    for number, (inputs, outputs) in enumerate(sets):
        data = folder / f"test_data_set_{number}"
        data.mkdir()
        for k, (value, key) in enumerate(zip(inputs, inputs_named, strict=True)):
            (data / f"input_{k}.pb").write_bytes(proto(value, key).SerializeToString())
        for k, (value, key) in enumerate(zip(outputs, outputs_named, strict=True)):
            (data / f"output_{k}.pb").write_bytes(proto(value, key).SerializeToString())


def ort(model, inputs):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.ir_version = min(copy.ir_version, 10)
    session = onnxruntime.InferenceSession(copy.SerializeToString(), options)
    feeds = {i.name: v for i, v in zip(session.get_inputs(), inputs, strict=True)}
    return session.run(None, feeds)


def flat(value):
    if isinstance(value, list):
        return np.array([list(row.values()) for row in value])
    return np.asarray(value)


def trained(name, model, inputs, framework=None, rtol=1e-5, atol=1e-6):
    """A trained model: the library's answers where it has any, then ONNX Runtime's."""
    theirs = ort(model, inputs)
    sets = []
    if framework is not None:
        shaped = []
        for want, got in zip(framework, theirs, strict=True):
            if isinstance(got, list):
                keys = list(got[0])
                shaped.append([dict(zip(keys, map(float, row))) for row in want])
            else:
                want = np.asarray(want)
                shaped.append((want if got.dtype.kind in "UO" else want.astype(got.dtype)).reshape(got.shape))
            a, b = flat(shaped[-1]), flat(got)
            if a.dtype.kind == "f":
                worst = np.max(np.abs(a - b) - (max(atol, 1e-6) + max(rtol, 1e-5) * np.abs(a)))
                if worst > 0:
                    print(f"{name}: the runtime is off the library by {worst:.3g} beyond tolerance")
            elif not np.array_equal(a, b):
                print(f"{name}: labels differ in {np.sum(a != b)} of {a.size}")
        sets.append((inputs, shaped))
    if rtol > 0 or framework is None:
        sets.append((inputs, theirs))
    write(name, model, sets, rtol, atol)


TYPES = {
    np.dtype("float32"): TensorProto.FLOAT, np.dtype("float64"): TensorProto.DOUBLE,
    np.dtype("int64"): TensorProto.INT64, np.dtype("int32"): TensorProto.INT32,
    np.dtype("int16"): TensorProto.INT16, np.dtype("float16"): TensorProto.FLOAT16,
}


def kind(value):
    value = np.asarray(value)
    return TensorProto.STRING if value.dtype.kind in "UO" else TYPES[value.dtype]


def single(op, inputs, outputs, version=3, dims=None, opset=18, **attributes):
    """A graph of one operator; `outputs` are element types."""
    attributes = {k: v for k, v in attributes.items() if v is not None}
    names = [f"x{k}" for k in range(len(inputs))]
    results = [f"y{k}" for k in range(len(outputs))]
    node = helper.make_node(op, names, results, domain=ML, **attributes)
    graph = helper.make_graph(
        [node], op,
        [helper.make_tensor_value_info(n, kind(v), ["N", *np.asarray(v).shape[1:]] if dims is None else dims)
         for n, v in zip(names, inputs)],
        [helper.make_tensor_value_info(n, t, None) for n, t in zip(results, outputs)])
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid(ML, version)])


def made(name, op, inputs, outputs, want=None, rtol=1e-5, atol=1e-6, **more):
    model = single(op, inputs, outputs, **more)
    if want is None:
        try:
            want = ort(model, inputs)
        except Exception as problem:  # no kernel for these types: the case is left out, and said
            print(f"{name}: {str(problem).splitlines()[0][-200:]}")
            return
    write(name, model, [(inputs, want)], rtol, atol)


def random(*shape, seed=0, kind="float32"):
    values = np.random.default_rng(seed).normal(size=shape) * 2
    return values.astype(kind)


# ---------------------------------------------------------------- trained models


def boosters():
    import lightgbm
    import onnxmltools
    import xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

    types = lambda width: [("X", FloatTensorType([None, width]))]
    x, y = load_diabetes(return_X_y=True)
    x = x.astype(np.float32)
    test = [x[:ROWS]]

    model = xgboost.XGBRegressor(n_estimators=40, max_depth=4).fit(x, y)
    converted = onnxmltools.convert_xgboost(model, initial_types=types(10))
    trained("xgb_regressor_exact", converted, test, [model.predict(test[0])], rtol=0, atol=0)
    model = xgboost.XGBRegressor(n_estimators=10, max_depth=1, base_score=7.25).fit(x, y)
    converted = onnxmltools.convert_xgboost(model, initial_types=types(10))
    trained("xgb_stumps_exact", converted, test, [model.predict(test[0])], rtol=0, atol=0)

    gaps = np.random.default_rng(1)
    for share, side in ((0.3, "both"), (0.0, "unseen")):
        holed = x.copy()
        holed[gaps.random(holed.shape) < share] = np.nan
        model = xgboost.XGBRegressor(n_estimators=25, max_depth=5).fit(holed, y)
        probe = x[:ROWS].copy()
        probe[gaps.random(probe.shape) < 0.4] = np.nan
        converted = onnxmltools.convert_xgboost(model, initial_types=types(10))
        trained(f"xgb_missing_{side}_exact", converted, [probe], [model.predict(probe)], rtol=0, atol=0)
    model = lightgbm.LGBMRegressor(n_estimators=15, num_leaves=15, verbose=-1).fit(holed_copy(x, 0.3), y)
    probe = holed_copy(x[:ROWS], 0.4)
    converted = onnxmltools.convert_lightgbm(model, initial_types=types(10), zipmap=False)
    trained("lgbm_missing", converted, [probe], [model.predict(probe)], atol=1e-3)

    xc, yc = load_breast_cancer(return_X_y=True)
    xc = xc.astype(np.float32)
    probe = [xc[:ROWS]]
    model = xgboost.XGBClassifier(n_estimators=20, max_depth=3).fit(xc, yc)
    converted = onnxmltools.convert_xgboost(model, initial_types=types(30))
    trained("xgb_binary", converted, probe, [model.predict(probe[0]), model.predict_proba(probe[0])])
    model = lightgbm.LGBMClassifier(n_estimators=20, num_leaves=8, verbose=-1).fit(xc, yc)
    converted = onnxmltools.convert_lightgbm(model, initial_types=types(30), zipmap=False)
    trained("lgbm_binary", converted, probe, [model.predict(probe[0]), model.predict_proba(probe[0])])

    xw, yw = load_wine(return_X_y=True)
    xw = xw.astype(np.float32)
    probe = [xw[::20]]
    model = xgboost.XGBClassifier(n_estimators=10, max_depth=3).fit(xw, yw)
    converted = onnxmltools.convert_xgboost(model, initial_types=types(13))
    trained("xgb_three_classes", converted, probe, [model.predict(probe[0]), model.predict_proba(probe[0])])
    model = lightgbm.LGBMClassifier(n_estimators=10, num_leaves=8, verbose=-1).fit(xw, yw)
    converted = onnxmltools.convert_lightgbm(model, initial_types=types(13))
    trained("lgbm_three_classes_zipmap", converted, probe,
            [model.predict(probe[0]), model.predict_proba(probe[0])])

    coded = np.random.default_rng(5).integers(0, 6, size=(400, 3)).astype(np.float32)
    target = (coded[:, 0] == 2) * 3.0 + (coded[:, 1] > 3) + (coded[:, 2] == 5) * coded[:, 0]
    model = lightgbm.LGBMRegressor(n_estimators=10, num_leaves=8, verbose=-1, min_data_in_leaf=5)
    model.fit(coded, target, categorical_feature=[0, 2])
    converted = onnxmltools.convert_lightgbm(model, initial_types=types(3), zipmap=False)
    trained("lgbm_categorical", converted, [coded[:ROWS]], [model.predict(coded[:ROWS])])
    counts = np.random.default_rng(6).poisson(np.exp(x[:, 0] * 8)).astype(np.float32)
    model = xgboost.XGBRegressor(n_estimators=8, max_depth=3, objective="count:poisson").fit(x, counts)
    converted = onnxmltools.convert_xgboost(model, initial_types=types(10))
    trained("xgb_poisson", converted, test, [model.predict(test[0])])


def holed_copy(values, share):
    holed = values.copy()
    holed[np.random.default_rng(2).random(holed.shape) < share] = np.nan
    return holed


def scikit():
    from skl2onnx import to_onnx
    from sklearn import ensemble, linear_model, neural_network, svm, tree
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer, StandardScaler

    x, y = load_diabetes(return_X_y=True)
    x = x.astype(np.float32)
    xc, yc = load_breast_cancer(return_X_y=True)
    xc = xc.astype(np.float32)
    xw, yw = load_wine(return_X_y=True)
    xw = xw.astype(np.float32)

    regressors = {
        "forest": ensemble.RandomForestRegressor(8, max_depth=5, random_state=0),
        "extra_trees": ensemble.ExtraTreesRegressor(6, max_depth=5, random_state=0),
        "boosting": ensemble.GradientBoostingRegressor(n_estimators=15, random_state=0),
        "histogram_boosting": ensemble.HistGradientBoostingRegressor(max_iter=10, max_leaf_nodes=8),
        "tree": tree.DecisionTreeRegressor(max_depth=6, random_state=0),
        "linear": linear_model.LinearRegression(), "ridge": linear_model.Ridge(),
        "svr_rbf": make_pipeline(StandardScaler(), svm.SVR(C=10)),
        "svr_poly": make_pipeline(StandardScaler(), svm.SVR(kernel="poly", degree=3, coef0=1)),
        "svr_sigmoid": make_pipeline(StandardScaler(), svm.SVR(kernel="sigmoid", gamma=0.01)),
        "svr_linear": make_pipeline(StandardScaler(), svm.SVR(kernel="linear")),
        "mlp": make_pipeline(
            StandardScaler(), neural_network.MLPRegressor(hidden_layer_sizes=(12, 6), random_state=0, max_iter=60)),
    }
    for name, model in regressors.items():
        few = slice(None) if "svr" not in name else slice(None, None, 4)
        model.fit(x[few], y[few])
        trained(f"sk_{name}", to_onnx(model, x[:1], target_opset={"": 18, ML: 3}), [x[:ROWS]],
                [model.predict(x[:ROWS])], rtol=2e-5, atol=1e-3)
    two = np.stack([y, y * y / 100, x[:, 2] * 30], axis=1)
    model = ensemble.RandomForestRegressor(4, max_depth=4, random_state=0).fit(x, two)
    trained("sk_forest_three_targets", to_onnx(model, x[:1], target_opset={"": 18, ML: 3}), [x[:ROWS]],
            [model.predict(x[:ROWS])], rtol=2e-5, atol=1e-3)

    classifiers = {
        "forest": ensemble.RandomForestClassifier(8, max_depth=4, random_state=0),
        "extra_trees": ensemble.ExtraTreesClassifier(8, max_depth=4, random_state=0),
        "boosting": ensemble.GradientBoostingClassifier(n_estimators=8, random_state=0),
        "histogram_boosting": ensemble.HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=8),
        "logistic": make_pipeline(StandardScaler(), linear_model.LogisticRegression()),
        "svc_rbf": make_pipeline(StandardScaler(), svm.SVC()),
        "svc_poly_votes": make_pipeline(StandardScaler(), svm.SVC(kernel="poly", coef0=1)),
        "svc_sigmoid": make_pipeline(StandardScaler(), svm.SVC(kernel="sigmoid")),
        "svc_linear": make_pipeline(StandardScaler(), svm.SVC(kernel="linear")),
        "mlp": make_pipeline(
            StandardScaler(), neural_network.MLPClassifier(hidden_layer_sizes=(8,), random_state=0, max_iter=80)),
        "normalised_logistic": make_pipeline(
            StandardScaler(), Normalizer("l1"), linear_model.LogisticRegression()),
    }
    for name, model in classifiers.items():
        for kind, (a, b) in {"two": (xc, yc), "three": (xw, yw)}.items():
            step = max(1, len(a) // 120) if "svc" in name else 1
            model.fit(a[::step], b[::step])
            probe = a[:: len(a) // ROWS][:ROWS]
            converted = to_onnx(model, a[:1], options={id(model): {"zipmap": False}},
                                target_opset={"": 18, ML: 3})
            if hasattr(model, "predict_proba"):
                want = [model.predict(probe), model.predict_proba(probe)]
            else:
                want = None
            trained(f"sk_{name}_{kind}", converted, [probe], want, rtol=1e-4, atol=2e-5)
    names = np.array(["good", "bad", "ugly"])[yw]
    model = ensemble.RandomForestClassifier(5, max_depth=3, random_state=0).fit(xw, names)
    trained("sk_forest_zipmap_names", to_onnx(model, xw[:1], target_opset={"": 18, ML: 3}), [xw[::20]],
            [model.predict(xw[::20]), model.predict_proba(xw[::20])])
    model = linear_model.LogisticRegression(max_iter=3000).fit(xw, yw * 10)
    trained("sk_logistic_zipmap_numbers", to_onnx(model, xw[:1], target_opset={"": 18, ML: 3}), [xw[::20]],
            [model.predict(xw[::20]), model.predict_proba(xw[::20])], rtol=1e-4, atol=2e-5)
    model = ensemble.RandomForestClassifier(4, max_depth=4, random_state=0).fit(x.astype(np.float64), y > 140)
    double = x.astype(np.float64)
    converted = to_onnx(model, double[:1], options={id(model): {"zipmap": False}}, target_opset={"": 18, ML: 3})
    trained("sk_forest_double", converted, [double[:ROWS]],
            [model.predict(double[:ROWS]).astype(np.int64), model.predict_proba(double[:ROWS])])
    model = svm.OneClassSVM(gamma=0.01).fit(StandardScaler().fit_transform(xw))
    trained("sk_one_class", to_onnx(model, xw[:1], target_opset={"": 18, ML: 3}),
            [StandardScaler().fit_transform(xw)[::20].astype(np.float32)], None, rtol=1e-4, atol=1e-4)
    trained_probabilities(svm, StandardScaler, xc, yc, xw, yw)


def trained_probabilities(svm, StandardScaler, xc, yc, xw, yw):
    """SVC with Platt scaling, where the library still has it."""
    from skl2onnx import to_onnx

    for kind, (a, b) in {"two": (xc, yc), "three": (xw, yw)}.items():
        scaled = StandardScaler().fit_transform(a).astype(np.float32)
        step = max(1, len(a) // 100)
        try:
            model = svm.SVC(probability=True, random_state=0).fit(scaled[::step], b[::step])
        except TypeError:
            return
        probe = scaled[:: len(a) // ROWS][:ROWS]
        converted = to_onnx(model, scaled[:1], options={id(model): {"zipmap": False}},
                            target_opset={"": 18, ML: 3})
        trained(f"sk_svc_probability_{kind}", converted, [probe],
                [model.predict(probe), model.predict_proba(probe)], rtol=5e-4, atol=5e-5)


def pipelines():
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import (
        Binarizer, KBinsDiscretizer, LabelEncoder, MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler)

    rng = np.random.default_rng(9)
    import pandas

    frame = pandas.DataFrame({
        "size": rng.normal(size=120).astype(np.float32), "weight": rng.normal(size=120).astype(np.float32),
        "colour": rng.choice(["red", "grün", "blue", ""], size=120),
        "grade": rng.choice(["low", "mid", "high"], size=120)})
    frame.loc[rng.random(120) < 0.2, "size"] = np.nan
    label = np.where((frame["weight"] > 0) ^ (frame["colour"] == "red"), "yes", "no")
    steps = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), ["size", "weight"]),
        ("hot", OneHotEncoder(handle_unknown="ignore"), ["colour"]),
        ("ordinal", OrdinalEncoder(categories=[["low", "mid", "high"]]), ["grade"])])
    model = Pipeline([("columns", steps), ("model", LogisticRegression())]).fit(frame, label)
    types = [("size", FloatTensorType([None, 1])), ("weight", FloatTensorType([None, 1])),
             ("colour", StringTensorType([None, 1])), ("grade", StringTensorType([None, 1]))]
    probe = frame[:ROWS].copy()
    probe.loc[3, "colour"] = "unseen"
    inputs = [probe[c].to_numpy().reshape(-1, 1) for c in frame.columns]
    inputs = [v.astype(object) if v.dtype.kind in "OUT" else v for v in inputs]
    for zipmap in (True, False):
        converted = to_onnx(model, initial_types=types, options={id(model): {"zipmap": zipmap}},
                            target_opset={"": 18, ML: 3})
        trained(f"sk_pipeline_strings{'_zipmap' if zipmap else ''}", converted, inputs,
                [model.predict(probe), model.predict_proba(probe)])
    numbers = frame[["size", "weight"]].to_numpy()
    for name, step in {
        "imputer": SimpleImputer(strategy="mean"), "scaler": MinMaxScaler(),
        "binarizer": make_pipeline(SimpleImputer(), Binarizer(threshold=0.25)),
        "bins": make_pipeline(SimpleImputer(), KBinsDiscretizer(4, encode="ordinal", quantile_method="linear")),
    }.items():
        data = numbers if "scaler" != name else np.nan_to_num(numbers)
        step.fit(data)
        trained(f"sk_{name}", to_onnx(step, data[:1], target_opset={"": 18, ML: 3}), [data[:ROWS]],
                [step.transform(data[:ROWS])])


# ---------------------------------------------------------------- hand-made trees


def nodes(rows, prefix="class"):
    """Attributes of the older tree operators; a row is (tree, node, feature, mode, value, true, false, missing)."""
    columns = list(zip(*rows))
    return dict(
        nodes_treeids=columns[0], nodes_nodeids=columns[1], nodes_featureids=columns[2],
        nodes_modes=columns[3], nodes_values=[float(v) for v in columns[4]],
        nodes_truenodeids=columns[5], nodes_falsenodeids=columns[6],
        nodes_missing_value_tracks_true=columns[7])


def leaves(rows, prefix):
    columns = list(zip(*rows))
    return {f"{prefix}_treeids": columns[0], f"{prefix}_nodeids": columns[1], f"{prefix}_ids": columns[2],
            f"{prefix}_weights": [float(v) for v in columns[3]]}


def two_trees(modes, missing=(0, 0, 0)):
    a, b, c = modes
    return [
        (0, 0, 0, a, 0.5, 1, 2, missing[0]), (0, 1, 1, b, -0.25, 3, 4, missing[1]), (0, 2, 0, "LEAF", 0, 0, 0, 0),
        (0, 3, 0, "LEAF", 0, 0, 0, 0), (0, 4, 0, "LEAF", 0, 0, 0, 0),
        (1, 0, 2, c, 1.0, 2, 1, missing[2]), (1, 1, 0, "LEAF", 0, 0, 0, 0), (1, 2, 0, "LEAF", 0, 0, 0, 0)]


LEAVES = [(0, 2), (0, 3), (0, 4), (1, 1), (1, 2)]
PROBE = np.array([
    [0.5, -0.25, 1.0], [0.4, -0.3, 2.0], [0.6, 0, 0.5], [np.nan, 0, 1], [0.1, np.nan, np.nan], [0.5, -0.25, np.nan],
    [np.inf, -np.inf, np.inf], [-np.inf, np.inf, -np.inf], [0.50000006, -0.24999999, 0.99999994], [0, 0, 0],
], dtype=np.float32)


def trees():
    modes = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
    weights = [(t, n, 0, w) for (t, n), w in zip(LEAVES, [0.5, -1.25, 3.0, 0.75, -2.5])]
    for mode in modes:
        for missing in (0, 1):
            made(f"tree_{mode.lower()}_missing_{missing}", "TreeEnsembleRegressor", [PROBE], [TensorProto.FLOAT],
                 n_targets=1, **nodes(two_trees([mode] * 3, [missing] * 3)), **leaves(weights, "target"))
    for k, mixed in enumerate((modes[:3], modes[3:], ["BRANCH_GT", "BRANCH_LEQ", "BRANCH_EQ"])):
        made(f"tree_mixed_modes_{k}", "TreeEnsembleRegressor", [PROBE], [TensorProto.FLOAT], n_targets=1,
             **nodes(two_trees(mixed, [1, 0, 1])), **leaves(weights, "target"))
    made("tree_mixed_missing", "TreeEnsembleRegressor", [PROBE], [TensorProto.FLOAT], n_targets=1,
         **nodes(two_trees(["BRANCH_LEQ"] * 3, [1, 0, 1])), **leaves(weights, "target"))
    several = [(t, n, k % 3, w) for k, ((t, n), w) in enumerate(zip(LEAVES, [0.5, -1.25, 3.0, 0.75, -2.5]))]
    several += [(0, 2, 1, 4.5), (1, 1, 0, -0.125)]
    for aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
        for targets, rows in ((1, weights), (3, several)):
            for base in (None, [0.75] if targets == 1 else [0.75, -2.0, 10.0]):
                attributes = dict(n_targets=targets, aggregate_function=aggregate, **leaves(rows, "target"),
                                  **nodes(two_trees(["BRANCH_LEQ"] * 3)))
                # The runtime forgets the base value of a target that no leaf of a row speaks of.
                bare = single("TreeEnsembleRegressor", [PROBE], [TensorProto.FLOAT], **attributes)
                want = ort(bare, [PROBE])[0] + np.float32(base or 0)
                made(f"tree_{aggregate.lower()}_{targets}{'_base' if base else ''}", "TreeEnsembleRegressor", [PROBE],
                     [TensorProto.FLOAT], [want], base_values=base, **attributes)
    for transform in ("SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"):
        made(f"tree_post_{transform.lower()}", "TreeEnsembleRegressor", [PROBE], [TensorProto.FLOAT], n_targets=3,
             post_transform=transform, **nodes(two_trees(["BRANCH_LEQ"] * 3)), **leaves(several, "target"))
    small = [(t, n, 0, w) for (t, n), w in zip(LEAVES, [0.1, 0.2, 0.3, 0.25, 0.4])]
    made("tree_post_probit", "TreeEnsembleRegressor", [PROBE], [TensorProto.FLOAT], n_targets=1,
         post_transform="PROBIT", **nodes(two_trees(["BRANCH_LEQ"] * 3)), **leaves(small, "target"), atol=1e-5)
    for element in ("float64", "int64", "int32"):
        values = np.nan_to_num(PROBE, posinf=3, neginf=-3).astype(element)
        model = single("TreeEnsembleRegressor", [values.astype("float32")], [TensorProto.FLOAT], n_targets=1,
                       **nodes(two_trees(["BRANCH_LT", "BRANCH_LEQ", "BRANCH_GTE"])), **leaves(weights, "target"))
        made(f"tree_input_{element}", "TreeEnsembleRegressor", [values], [TensorProto.FLOAT],
             ort(model, [values.astype("float32")]), n_targets=1, **nodes(two_trees(["BRANCH_LT", "BRANCH_LEQ", "BRANCH_GTE"])), **leaves(weights, "target"))
    attributes = nodes(two_trees(["BRANCH_LEQ"] * 3)) | leaves(weights, "target")
    attributes["nodes_values_as_tensor"] = numpy_helper.from_array(
        np.array(attributes.pop("nodes_values")) + 1e-12, "v")
    attributes["target_weights_as_tensor"] = numpy_helper.from_array(
        np.array(attributes.pop("target_weights")), "w")
    attributes["base_values_as_tensor"] = numpy_helper.from_array(np.array([0.1]), "b")
    made("tree_double_tensors", "TreeEnsembleRegressor", [PROBE.astype(np.float64)], [TensorProto.FLOAT],
         n_targets=1, **attributes)
    shuffled = two_trees(["BRANCH_LEQ"] * 3)
    shuffled = [(t * 7 + 3, n * 5 + 2, f, m, v, a * 5 + 2, b * 5 + 2, k) for t, n, f, m, v, a, b, k in shuffled]
    dense = single("TreeEnsembleRegressor", [PROBE], [TensorProto.FLOAT], n_targets=1,
                   **nodes(two_trees(["BRANCH_LEQ"] * 3)), **leaves(weights, "target"))
    made("tree_sparse_ids", "TreeEnsembleRegressor", [PROBE], [TensorProto.FLOAT], ort(dense, [PROBE]), n_targets=1,
         **nodes(shuffled), **leaves([(t * 7 + 3, n * 5 + 2, i, w) for t, n, i, w in weights], "target"))
    made("tree_single_leaf", "TreeEnsembleRegressor", [PROBE], [TensorProto.FLOAT], n_targets=1,
         **nodes([(0, 0, 0, "LEAF", 0, 0, 0, 0)]), **leaves([(0, 0, 0, 1.5)], "target"))
    classifier_trees()


def classifier_trees():
    tree = nodes(two_trees(["BRANCH_LEQ", "BRANCH_LT", "BRANCH_LEQ"], [1, 0, 1]))
    labels = {"ints": dict(classlabels_int64s=[7, -3]), "names": dict(classlabels_strings=["no", "yes"])}
    for transform in ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"):
        for sign, values in {"mixed": [0.5, -1.25, 3.0, 0.75, -2.5], "positive": [0.1, 0.2, 0.3, 0.25, 0.4]}.items():
            for column in (0, 1):
                for base in (None, [0.25], [0.25, -0.5]):
                    if transform.startswith("SOFTMAX") and (base or column == 0):
                        continue
                    if base and (column or len(base) == 2):
                        continue
                    key = "ints" if column else "names"
                    made(f"classes_two_{transform.lower()}_{sign}_{column}_{len(base or [])}", "TreeEnsembleClassifier",
                         [PROBE], [TensorProto.INT64 if column else TensorProto.STRING, TensorProto.FLOAT],
                         post_transform=transform, base_values=base, **labels[key], **tree,
                         **leaves([(t, n, column, w) for (t, n), w in zip(LEAVES, values)], "class"))
    both = [(t, n, c, w if c else 1 - w) for (t, n), w in zip(LEAVES, [0.1, 0.9, 0.3, 0.6, 0.4]) for c in (0, 1)]
    for base in (None, [0.25, -0.5]):
        # Scores are checked against the runtime's three-class path; the label is the larger one.
        more = dict(base_values=base, **tree, **leaves(both, "class"))
        inputs = [PROBE]
        wide = single("TreeEnsembleClassifier", inputs, [TensorProto.INT64, TensorProto.FLOAT],
                      classlabels_int64s=[7, -3, 99], **(more | dict(base_values=base and [*base, -1e9])))
        scores = ort(wide, inputs)[1][:, :2]
        made(f"classes_two_columns_{len(base or [])}", "TreeEnsembleClassifier", inputs,
             [TensorProto.INT64, TensorProto.FLOAT], [np.array([7, -3])[scores.argmax(1)], scores],
             **labels["ints"], **more)
    three = [(t, n, k % 3, w) for k, ((t, n), w) in enumerate(zip(LEAVES, [0.5, -1.25, 3.0, 0.75, -2.5]))]
    for transform in ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"):
        for base in (None, [0.25, -0.5, 0.125]):
            for element in ("float32", "float64") if transform == "NONE" else ("float32",):
                made(f"classes_three_{transform.lower()}_{len(base or [])}_{element}", "TreeEnsembleClassifier",
                     [PROBE.astype(element)], [TensorProto.STRING, TensorProto.FLOAT], post_transform=transform,
                     base_values=base, classlabels_strings=["a", "b", "c"], **tree, **leaves(three, "class"))
    made("classes_integers", "TreeEnsembleClassifier", [np.nan_to_num(PROBE, posinf=3, neginf=-3).astype(np.int64)],
         [TensorProto.INT64, TensorProto.FLOAT], classlabels_int64s=[1, 2, 3], **tree, **leaves(three, "class"))


def softmax_of_sum():
    folder = ROOT / "ensemble_sum" / "test_data_set_0" / "output_0.pb"
    sums = numpy_helper.to_array(onnx.TensorProto.FromString(folder.read_bytes())).astype(np.float64)
    powers = np.exp(sums)
    return [(powers / powers.sum(1, keepdims=True)).astype(np.float32)]


def tree_ensemble_five():
    def case(name, kind, probe, **more):
        attributes = dict(
            nodes_splits=numpy_helper.from_array(np.array([0.5, -0.25, 1.0], kind), "s"),
            nodes_featureids=[0, 1, 2],
            nodes_modes=numpy_helper.from_array(np.array(more.pop("modes", [0, 1, 3]), np.uint8), "m"),
            nodes_truenodeids=[1, 0, 2], nodes_trueleafs=[0, 1, 1], nodes_falsenodeids=[2, 1, 3],
            nodes_falseleafs=[1, 1, 1], tree_roots=[0, 2], leaf_targetids=[0, 1, 0, 1],
            leaf_weights=numpy_helper.from_array(np.array([0.5, -1.25, 3.0, 0.75], kind), "w"),
            n_targets=2, aggregate_function=1, post_transform=0, version=5) | more
        made(name, "TreeEnsemble", [probe.astype(kind)], [TYPES[np.dtype(kind)]], rtol=1e-3 if kind == "float16" else 1e-5, **attributes)

    # Both leaves of node 0's false branch and node 2's true branch are separate entries.
    attributes = dict(nodes_truenodeids=[1, 0, 3], nodes_falsenodeids=[2, 1, 4],
                      leaf_targetids=[0, 1, 0, 1, 0])
    weights = [0.5, -1.25, 3.0, 0.75, -2.5]
    for kind in ("float32", "float64"):
        tensors = dict(leaf_weights=numpy_helper.from_array(np.array(weights, kind), "w"))
        case(f"ensemble_{kind}", kind, PROBE, **attributes, **tensors)
        case(f"ensemble_missing_{kind}", kind, PROBE, **attributes, **tensors,
             nodes_missing_value_tracks_true=[1, 0, 1])
    for number, name in enumerate(("average", "sum", "min", "max")):
        case(f"ensemble_{name}", "float32", PROBE, **attributes, aggregate_function=number,
             leaf_weights=numpy_helper.from_array(np.array(weights, "float32"), "w"))
    # The runtime takes 1 for LOGISTIC, where the specification has SOFTMAX.
    case("ensemble_softmax", "float32", PROBE, want=softmax_of_sum(), **attributes, post_transform=1,
         leaf_weights=numpy_helper.from_array(np.array(weights, "float32"), "w"))
    members = np.array([2, 3, np.nan, 5, 7, 8, np.nan], np.float32)
    probe = np.array([[2, 5, 0], [3, 7, 2], [3, 8, 1], [1, 7, 1], [2, 9, 5], [2, 6, 1], [9, 5, 0]], np.float32)
    case("ensemble_members", "float32", probe, modes=[6, 6, 0], **attributes,
         leaf_weights=numpy_helper.from_array(np.array(weights, "float32"), "w"),
         membership_values=numpy_helper.from_array(members, "members"))


# ---------------------------------------------------------------- hand-made others


def linear_and_vectors():
    x = random(ROWS, 4)
    for kind in ("float32", "float64", "int64", "int32"):
        want = None
        values = (x * 3).astype(kind)
        if kind != "float32":
            weights = np.array([0.5, -1, 2, 0.25, 1, 1, -1, 0], np.float64).reshape(2, 4)
            want = [(values.astype(np.float64) @ weights.T + [0.5, -0.5]).astype(np.float32)]
        made(f"linear_regressor_{kind}", "LinearRegressor", [values], [TensorProto.FLOAT], want, targets=2,
             coefficients=[0.5, -1, 2, 0.25, 1, 1, -1, 0], intercepts=[0.5, -0.5])
    for transform in ("SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"):
        made(f"linear_regressor_{transform.lower()}", "LinearRegressor", [x], [TensorProto.FLOAT], targets=2,
             coefficients=[0.5, -1, 2, 0.25, 1, 1, -1, 0], intercepts=[0.5, -0.5], post_transform=transform)
    made("linear_regressor_bare", "LinearRegressor", [x], [TensorProto.FLOAT], coefficients=[0.5, -1, 2, 0.25])
    for transform in ("NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"):
        made(f"linear_classifier_one_{transform.lower()}", "LinearClassifier", [x],
             [TensorProto.STRING, TensorProto.FLOAT], coefficients=[0.5, -1, 2, 0.25], intercepts=[0.5],
             classlabels_strings=["no", "yes"], post_transform=transform)
        made(f"linear_classifier_three_{transform.lower()}", "LinearClassifier", [(x * 3).astype(np.int64)],
             [TensorProto.INT64, TensorProto.FLOAT], coefficients=[0.5, -1, 2, 0.25, 1, 1, -1, 0, 0, 1, 0, -1],
             intercepts=[0.5, 0, -1], classlabels_ints=[5, 6, -7], multi_class=1, post_transform=transform)
    made("svm_regressor_liblinear", "SVMRegressor", [x], [TensorProto.FLOAT], coefficients=[0.5, -1, 2, 0.25],
         kernel_params=[0.0, 0, 0], rho=[0.5], n_supports=0)
    made("svm_regressor_one_class", "SVMRegressor", [x], [TensorProto.FLOAT], coefficients=[0.5, -1, 1],
         support_vectors=[float(v) for v in random(12, seed=3)], kernel_type="RBF", kernel_params=[0.1, 0, 0],
         rho=[0.1], n_supports=3, one_class=1)
    made("svm_classifier_liblinear", "SVMClassifier", [x], [TensorProto.STRING, TensorProto.FLOAT],
         coefficients=[0.5, -1, 2, 0.25, 1, 1, -1, 0, 0, 1, 0, -1], kernel_params=[0.0, 0, 0], rho=[0.5],
         classlabels_strings=["a", "b", "c"], post_transform="LOGISTIC")
    vectors = [float(v) for v in random(5 * 4, seed=4)]
    for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID"):
        for transform in ("NONE", "LOGISTIC", "SOFTMAX"):
            made(f"svm_{kernel.lower()}_{transform.lower()}", "SVMClassifier", [x],
                 [TensorProto.INT64, TensorProto.FLOAT], coefficients=[float(v) for v in random(10, seed=5)],
                 support_vectors=vectors, vectors_per_class=[2, 1, 2], kernel_type=kernel,
                 kernel_params=[0.25, 0.5, 4.0], rho=[0.1, -0.2, 0.3], classlabels_ints=[1, 5, 9],
                 post_transform=transform, rtol=1e-4, atol=1e-5)
    for transform in ("NONE", "LOGISTIC", "SOFTMAX"):
        made(f"svm_two_{transform.lower()}", "SVMClassifier", [x], [TensorProto.INT64, TensorProto.FLOAT],
             coefficients=[1.0, 0.5, -1, 0.25, -0.75], support_vectors=vectors, vectors_per_class=[2, 3],
             kernel_type="RBF", kernel_params=[0.25, 0, 0], rho=[0.1], classlabels_ints=[0, 1],
             post_transform=transform)
    for count, supports, rho in ((2, [2, 3], [0.1]), (3, [2, 1, 2], [0.1, -0.2, 0.3])):
        made(f"svm_probability_{count}", "SVMClassifier", [x], [TensorProto.INT64, TensorProto.FLOAT],
             coefficients=[float(v) for v in random(5 * (count - 1), seed=5)], support_vectors=vectors,
             vectors_per_class=supports, kernel_type="RBF", kernel_params=[0.25, 0, 0], rho=rho,
             prob_a=[-1.5, -0.5, 0.75][: len(rho)], prob_b=[0.1, -0.2, 0.0][: len(rho)],
             classlabels_ints=list(range(count)), rtol=1e-4, atol=1e-5)


def columns():
    x = random(ROWS, 3)
    for kind in ("float32", "float64", "int64", "int32"):
        values = (x * 3).astype(kind)
        made(f"scaler_{kind}", "Scaler", [values], [TensorProto.FLOAT], scale=[0.5, 2, -1], offset=[1, 0.25, -1.0])
        for norm in ("MAX", "L1", "L2"):
            made(f"normalizer_{norm.lower()}_{kind}", "Normalizer", [np.concatenate([values, values[:1] * 0])],
                 [TensorProto.FLOAT], norm=norm)
    made("scaler_one", "Scaler", [x], [TensorProto.FLOAT], scale=[0.5], offset=[1.0])
    holed = x.copy()
    holed[::2, 1] = np.nan
    holed[1::3, 0] = -1
    made("imputer_nan", "Imputer", [holed], [TensorProto.FLOAT], imputed_value_floats=[1.0, 2, 3],
         replaced_value_float=float("nan"))
    made("imputer_value", "Imputer", [holed], [TensorProto.FLOAT], imputed_value_floats=[9.0],
         replaced_value_float=-1.0)
    whole = np.array([[0, 1, 2], [3, 0, 0], [5, -1, 0]])
    made("imputer_int64", "Imputer", [whole], [TensorProto.INT64], imputed_value_int64s=[7, 8, 9],
         replaced_value_int64=0)
    made("imputer_int32", "Imputer", [whole.astype(np.int32)], [TensorProto.INT32],
         [np.where(whole == 0, [7, 8, 9], whole).astype(np.int32)], imputed_value_int64s=[7, 8, 9],
         replaced_value_int64=0)
    made("imputer_double", "Imputer", [holed.astype(np.float64)], [TensorProto.DOUBLE],
         [np.where(np.isnan(holed.astype(np.float64)), 2.5, holed.astype(np.float64))],
         imputed_value_floats=[2.5], replaced_value_float=float("nan"))
    made("binarizer_float32", "Binarizer", [x], [TensorProto.FLOAT], threshold=0.25)
    for kind in ("int64", "int32", "float64"):
        values = (x * 3).astype(kind)
        made(f"binarizer_{kind}", "Binarizer", [values], [TYPES[np.dtype(kind)]],
             [(values > np.float32(1.5)).astype(kind)], threshold=1.5)
    names = np.array([["red"], ["blue"], ["?"], ["grün"]], dtype=object)
    made("onehot_strings", "OneHotEncoder", [names], [TensorProto.FLOAT], cats_strings=["red", "grün", "blue"])
    for kind in ("int64", "float32", "float64"):
        made(f"onehot_{kind}", "OneHotEncoder", [np.array([[3, 1], [2, 9], [-1, 2]]).astype(kind)],
             [TensorProto.FLOAT], cats_int64s=[2, -1, 3], zeros=1)
    made("onehot_int32", "OneHotEncoder", [np.array([3, 2, 9], np.int32)], [TensorProto.FLOAT],
         [np.array([[0, 0, 1], [1, 0, 0], [0, 0, 0]], np.float32)], cats_int64s=[2, -1, 3])
    made("onehot_no_zeros", "OneHotEncoder", [np.array([3, 2, -1])], [TensorProto.FLOAT], cats_int64s=[2, -1, 3],
         zeros=0)
    encoders(names)
    made("category_to_number", "CategoryMapper", [names], [TensorProto.INT64], cats_strings=["red", "blue"],
         cats_int64s=[10, 20], default_int64=-5)
    made("category_to_name", "CategoryMapper", [np.array([[10], [20], [30]])], [TensorProto.STRING],
         cats_strings=["red", "blue"], cats_int64s=[10, 20], default_string="none")
    for kind in ("float32", "float64", "int64", "int32"):
        made(f"extract_{kind}", "ArrayFeatureExtractor", [(x * 3).astype(kind), np.array([[2, 0, 2, 1]])],
             [TYPES[np.dtype(kind)]])
    made("extract_strings", "ArrayFeatureExtractor", [np.array([["a", "b"], ["c", "d"]], object), np.array([1])],
         [TensorProto.STRING])
    made("vectorizer", "FeatureVectorizer", [x[:, :2], x[:, 1:2]], [TensorProto.FLOAT],
         inputdimensions=[2, 1])
    made("vectorizer_int64", "FeatureVectorizer", [whole, whole[:, :1]], [TensorProto.FLOAT],
         [np.concatenate([whole, whole[:, :1]], 1).astype(np.float32)], inputdimensions=[3, 1])
    zipmap = helper.make_model(
        helper.make_graph(
            [helper.make_node("Abs", ["x"], ["a"]),
             helper.make_node("ZipMap", ["a"], ["z"], domain=ML, classlabels_int64s=[10, 20, 30])],
            "z", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
            [helper.make_value_info("z", helper.make_sequence_type_proto(helper.make_map_type_proto(
                TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))))]),
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(ML, 1)])
    write("zipmap", zipmap, [([x], ort(zipmap, [x]))])


def encoders(names):
    numbers = np.array([[3], [1], [9], [-4]])
    reals = np.array([[0.5], [np.nan], [-0.0], [7]], np.float32)
    types = {"strings": (names, ["red", "grün", "blue"]), "int64s": (numbers, [3, -4, 1]),
             "floats": (reals, [0.5, float("nan"), 7.0])}
    values = {"strings": (["x", "y", "z"], TensorProto.STRING, dict(default_string="other")),
              "int64s": ([5, 6, -7], TensorProto.INT64, dict(default_int64=-9)),
              "floats": ([0.25, 1.5, -2.0], TensorProto.FLOAT, dict(default_float=0.125))}
    for key, (probe, keys) in types.items():
        for value, (results, element, default) in values.items():
            want = None
            if key == value == "int64s" or key == value == "floats" or key == value == "strings":
                pass
            attributes = {f"keys_{key}": keys, f"values_{value}": results} | default
            for version in (2, 4):
                try:
                    made(f"label_{key}_{value}_{version}", "LabelEncoder", [probe], [element], want,
                         version=version, **attributes)
                except Exception as problem:
                    print(f"label_{key}_{value}_{version}: {str(problem)[:90]}")
    made("label_1_strings", "LabelEncoder", [names], [TensorProto.INT64],
         [np.array([[0], [1], [-2], [-2]], np.int64)], version=1, classes_strings=["red", "blue"], default_int64=-2)
    made("label_1_numbers", "LabelEncoder", [np.array([[0], [1], [2]])], [TensorProto.STRING],
         [np.array([["red"], ["blue"], ["none"]], object)], version=1, classes_strings=["red", "blue"],
         default_string="none")
    made("label_tensors_int16", "LabelEncoder", [np.array([3, 1, 9], np.int64)], [TensorProto.INT16], version=4,
         want=[np.array([30, 10, -3], np.int16)],
         keys_tensor=numpy_helper.from_array(np.array([1, 3], np.int64)),
         values_tensor=numpy_helper.from_array(np.array([10, 30], np.int16)),
         default_tensor=numpy_helper.from_array(np.array([-3], np.int16)))
    made("label_tensors_double", "LabelEncoder", [np.array([0.5, np.nan, 9])], [TensorProto.DOUBLE], version=4,
         keys_tensor=numpy_helper.from_array(np.array([np.nan, 0.5])),
         values_tensor=numpy_helper.from_array(np.array([1e-300, 2.5])),
         default_tensor=numpy_helper.from_array(np.array([-1.5])))
    made("label_repeated_key", "LabelEncoder", [np.array([1, 2], np.int64)], [TensorProto.INT64], version=4,
         want=[np.array([30, 20], np.int64)], keys_int64s=[1, 2, 1], values_int64s=[10, 20, 30])


if __name__ == "__main__":
    shutil.rmtree(ROOT, ignore_errors=True)
    for group in (trees, tree_ensemble_five, linear_and_vectors, columns, boosters, scikit, pipelines):
        group()
    total = sum(f.stat().st_size for f in ROOT.rglob("*") if f.is_file())
    print(len(list(ROOT.iterdir())), "cases,", total, "bytes")
