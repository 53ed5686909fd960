# SPDX-License-Identifier: Apache-2.0
"""Adds trained models to the fixtures that `ml_cases.py` writes, with their libraries' own answers.

    python Tests/oracles/ml_models.py Tests/EngineTests/Fixtures/ml

What the exporters of the libraries lose (LightGBM's zeros that are missing, its random forests and its
one-against-all; XGBoost's reg:logistic and its several targets) is left out. CatBoost, categories and several classes in boosters, missing values, further objectives; neighbours and
Gaussian processes, whose distances are a Scan; the transforms after a linear model. Each folder is written
anew, others are left. Needs what Tests/benchmarks/requirements.lock pins.
"""

import shutil
import tempfile
from pathlib import Path

import ml_cases
import numpy as np
import onnx
from ml_cases import ML, ROOT, made, random
from onnx import TensorProto


def fresh(name):
    shutil.rmtree(ROOT / name, ignore_errors=True)
    return name


def trained(name, *arguments, **more):
    """As in ml_cases; a model that the runtime cannot run is left out, and said."""
    try:
        ml_cases.trained(name, *arguments, **more)
    except Exception as problem:
        shutil.rmtree(ROOT / name, ignore_errors=True)
        print(f"{name}: {str(problem).splitlines()[0][-200:]}")


def data():
    from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

    regression, binary, several = (
        load(return_X_y=True) for load in (load_diabetes, load_breast_cancer, load_wine)
    )
    return [(x.astype(np.float32), y) for x, y in (regression, binary, several)]


def catboost_models():
    import catboost

    def exported(model):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.onnx"
            model.save_model(str(file), format="onnx")
            return onnx.load(file)

    common = dict(iterations=12, depth=4, thread_count=1, verbose=0, allow_writing_files=False, random_seed=1)
    (x, y), (xb, yb), (xw, yw) = data()
    model = catboost.CatBoostRegressor(**common).fit(x, y)
    trained(fresh("cat_regressor"), exported(model), [x[:9]], [model.predict(x[:9]).reshape(-1, 1)], atol=1e-3)
    for side in ("Min", "Max"):
        holed = ml_cases.holed_copy(x, 0.3)
        model = catboost.CatBoostRegressor(nan_mode=side, **common).fit(holed, y)
        probe = ml_cases.holed_copy(x[:9], 0.4)
        trained(fresh(f"cat_missing_{side.lower()}"), exported(model), [probe],
                [model.predict(probe).reshape(-1, 1)], atol=1e-3)
    model = catboost.CatBoostClassifier(**common).fit(xb, yb)
    probe = xb[:9]
    trained(fresh("cat_binary"), exported(model), [probe], [model.predict(probe), model.predict_proba(probe)])
    model = catboost.CatBoostClassifier(**common).fit(xw, yw)
    probe = xw[::20]
    trained(fresh("cat_three_classes"), exported(model), [probe],
            [model.predict(probe).reshape(-1), model.predict_proba(probe)])
    names = np.array(["low", "middle", "high"])[yw]
    model = catboost.CatBoostClassifier(**common).fit(xw, names)
    trained(fresh("cat_three_names"), exported(model), [probe],
            [model.predict(probe).reshape(-1), model.predict_proba(probe)])


def booster_models():
    import lightgbm
    import onnxmltools
    import xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    def columns(width):
        return [("X", FloatTensorType([None, width]))]

    generator = np.random.default_rng(8)
    coded = generator.integers(0, 40, size=(600, 3)).astype(np.float32)
    classes = ((coded[:, 0] % 7 == 2) * 2 + (coded[:, 1] > 20) * (coded[:, 2] % 3 == 1)).astype(int)
    for labels, name in ((classes, "three"), (classes > 0, "two")):
        model = lightgbm.LGBMClassifier(n_estimators=8, num_leaves=12, verbose=-1, min_data_in_leaf=5)
        model.fit(coded, labels.astype(int), categorical_feature=[0, 2])
        converted = onnxmltools.convert_lightgbm(model, initial_types=columns(3), zipmap=False)
        probe = coded[:20]
        trained(fresh(f"lgbm_categorical_{name}"), converted, [probe],
                [model.predict(probe), model.predict_proba(probe)])

    (x, y), (xb, yb), (xw, yw) = data()
    forms = {
        "without_missing": (dict(use_missing=False), x, y),
        "dart": (dict(boosting_type="dart"), x, y),
        "poisson": (dict(objective="poisson"), x, y),
        "tweedie": (dict(objective="tweedie"), x, y),
        "linear_l1": (dict(objective="mae"), x, y),
    }
    for name, (more, rows, target) in forms.items():
        model = lightgbm.LGBMRegressor(n_estimators=8, num_leaves=8, verbose=-1, **more).fit(rows, target)
        converted = onnxmltools.convert_lightgbm(model, initial_types=columns(10), zipmap=False)
        trained(fresh(f"lgbm_{name}"), converted, [rows[:9]], [model.predict(rows[:9])], rtol=2e-5, atol=1e-3)
    positive = y / 100
    for objective in ("reg:gamma", "reg:tweedie", "reg:squarederror"):
        model = xgboost.XGBRegressor(n_estimators=8, max_depth=3, objective=objective).fit(x, positive)
        converted = onnxmltools.convert_xgboost(model, initial_types=columns(10))
        trained(fresh(f"xgb_{objective[4:]}"), converted, [x[:9]], [model.predict(x[:9])])
    for share in (0.2, 0.6):
        holed = xw.copy()
        holed[generator.random(holed.shape) < share] = np.nan
        model = xgboost.XGBClassifier(n_estimators=6, max_depth=4).fit(holed, yw)
        converted = onnxmltools.convert_xgboost(model, initial_types=columns(13))
        probe = holed[::18]
        trained(fresh(f"xgb_three_missing_{int(share * 100)}"), converted, [probe],
                [model.predict(probe), model.predict_proba(probe)])
    model = xgboost.XGBRFClassifier(n_estimators=6, max_depth=4).fit(xb, yb)
    converted = onnxmltools.convert_xgboost(model, initial_types=columns(30))
    trained(fresh("xgb_random_forest"), converted, [xb[:9]], [model.predict(xb[:9]), model.predict_proba(xb[:9])])


def distance_models():
    from skl2onnx import to_onnx
    from sklearn import ensemble, gaussian_process, neighbors, svm
    from sklearn.gaussian_process import kernels
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    (x, y), (xb, yb), (xw, yw) = data()
    x, y = x[::6] * 20, y[::6]
    opsets = {"": 18, ML: 3}
    for name, model in {
        "knn": neighbors.KNeighborsRegressor(5),
        "knn_manhattan": neighbors.KNeighborsRegressor(3, metric="manhattan"),
    }.items():
        model.fit(x, y)
        probe = x[:9] * np.float32(0.7) + x[1:10] * np.float32(0.3)
        trained(fresh(f"sk_{name}"), to_onnx(model, x[:1], target_opset=opsets), [probe],
                [model.predict(probe)], rtol=1e-4, atol=1e-3)
    for kind, (a, b) in {"two": (xb[::6], yb[::6]), "three": (xw[::3], yw[::3])}.items():
        scaler = StandardScaler().fit(a)
        a = scaler.transform(a).astype(np.float32)
        probe = a[:9] * np.float32(0.7) + a[1:10] * np.float32(0.3)
        for name, model in {
            "knn": neighbors.KNeighborsClassifier(5),
            "nu_svc": svm.NuSVC(nu=0.3, kernel="rbf"),
            "svc_ovo": svm.SVC(decision_function_shape="ovo"),
        }.items():
            model.fit(a, b)
            converted = to_onnx(model, a[:1], options={id(model): {"zipmap": False}}, target_opset=opsets)
            answers = [model.predict(probe)]
            if hasattr(model, "predict_proba") and name == "knn":
                answers.append(model.predict_proba(probe))
            if len(answers) != len(converted.graph.output):
                answers = None
            trained(fresh(f"sk_{name}_{kind}"), converted, [probe], answers, rtol=1e-4, atol=1e-5)
    for name, kernel in {
        "rbf": kernels.ConstantKernel(2.0) * kernels.RBF(3.0),
        "dot": kernels.DotProduct(1.0) + kernels.WhiteKernel(0.5),
        "matern": kernels.Matern(2.0, nu=1.5),
        "rational": kernels.RationalQuadratic(2.0, 1.5),
    }.items():
        model = gaussian_process.GaussianProcessRegressor(kernel, alpha=1.0, optimizer=None).fit(x, y)
        probe = x[:9] * np.float32(0.7) + x[1:10] * np.float32(0.3)
        converted = to_onnx(model, x[:1].astype(np.float64), target_opset=opsets)
        trained(fresh(f"sk_gp_{name}"), converted, [probe.astype(np.float64)],
                [model.predict(probe)], rtol=1e-4, atol=1e-3)
    scored = make_pipeline(StandardScaler(), neighbors.LocalOutlierFactor(5, novelty=True)).fit(x)
    model = ensemble.IsolationForest(n_estimators=8, random_state=0).fit(x)
    for name, model in {"isolation": model, "outlier_factor": scored}.items():
        probe = x[:9] * np.float32(0.7) + x[1:10] * np.float32(0.3)
        converted = to_onnx(model, x[:1], target_opset=opsets)
        trained(fresh(f"sk_{name}"), converted, [probe],
                [model.predict(probe), model.decision_function(probe)], rtol=1e-4, atol=1e-5)


def probit():
    """The specification names the transform and no more; the runtime's approximation is followed."""
    share = np.abs(np.sin(random(9, 2, seed=21))).astype(np.float32) * 0.98 + np.float32(0.01)
    made(fresh("linear_regressor_probit"), "LinearRegressor", [share], [TensorProto.FLOAT], targets=2,
         coefficients=[1.0, 0, 0, 1], intercepts=[0.0, 0], post_transform="PROBIT", rtol=1e-4, atol=1e-5)


def main():
    for group in (catboost_models, booster_models, distance_models, probit):
        group()
    total = sum(f.stat().st_size for f in ROOT.rglob("*") if f.is_file())
    print(len(list(ROOT.iterdir())), "cases,", total, "bytes")


if __name__ == "__main__":
    main()
