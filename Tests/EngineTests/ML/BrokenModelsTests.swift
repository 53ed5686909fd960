// SPDX-License-Identifier: Apache-2.0
import Engine
import Tensors
import Testing

/// Attributes of the other ai.onnx.ml operators that contradict each other or the input.
@Suite struct BrokenModelsTests {
    static let broken: [(name: String, attributes: [String: Attribute])] = [
        ("LinearRegressor", ["coefficients": .floats([1, 2, 3])]),
        ("LinearRegressor", ["coefficients": .floats([1, 2]), "targets": .integer(.max)]),
        ("LinearRegressor", ["coefficients": .floats([1, 2]), "intercepts": .floats([1, 2])]),
        ("LinearClassifier", ["coefficients": .floats([1, 2])]),
        (
            "LinearClassifier",
            ["coefficients": .floats([1, 2, 3]), "classlabels_ints": .integers([1, 2])]
        ),
        (
            "LinearClassifier",
            [
                "coefficients": .floats([1, 2]), "classlabels_ints": .integers([1, 2]),
                "classlabels_strings": .strings(["a", "b"]),
            ]
        ),
        ("SVMRegressor", ["coefficients": .floats([1]), "rho": .floats([0])]),
        ("SVMRegressor", ["coefficients": .floats([1, 2]), "rho": .floats([])]),
        (
            "SVMRegressor",
            [
                "coefficients": .floats([1, 2]), "rho": .floats([0]), "n_supports": .integer(.max),
                "support_vectors": .floats([1, 2]),
            ]
        ),
        (
            "SVMRegressor",
            [
                "coefficients": .floats([1, 2]), "rho": .floats([0]),
                "kernel_params": .floats([1]),
            ]
        ),
        (
            "SVMClassifier",
            [
                "coefficients": .floats([1, 2]), "rho": .floats([0]),
                "classlabels_ints": .integers([1, 2]), "vectors_per_class": .integers([1, -1]),
            ]
        ),
        (
            "SVMClassifier",
            [
                "coefficients": .floats([1, 2]), "rho": .floats([0]),
                "classlabels_ints": .integers([1, 2]),
                "vectors_per_class": .integers([.max, .max]),
            ]
        ),
        (
            "SVMClassifier",
            [
                "coefficients": .floats([1, 2]), "rho": .floats([]),
                "support_vectors": .floats([1, 2, 3, 4]), "classlabels_ints": .integers([1, 2]),
                "vectors_per_class": .integers([1, 1]),
            ]
        ),
        ("Scaler", ["scale": .floats([1, 2]), "offset": .floats([1])]),
        ("Scaler", ["scale": .floats([1, 2, 3]), "offset": .floats([1, 2, 3])]),
        ("Scaler", ["scale": .floats([]), "offset": .floats([])]),
        ("Normalizer", ["norm": .string("L3")]),
        ("Imputer", ["imputed_value_floats": .floats([1, 2, 3])]),
        ("Imputer", ["imputed_value_floats": .floats([])]),
        ("OneHotEncoder", [:]),
        ("OneHotEncoder", ["cats_strings": .strings(["a"])]),
        ("LabelEncoder", ["keys_floats": .floats([1])]),
        ("LabelEncoder", ["keys_floats": .floats([1]), "values_floats": .floats([1, 2])]),
        ("LabelEncoder", ["keys_int64s": .integers([1]), "values_int64s": .integers([1])]),
        ("FeatureVectorizer", ["inputdimensions": .integers([])]),
        ("FeatureVectorizer", ["inputdimensions": .integers([.max])]),
        ("ZipMap", ["classlabels_int64s": .integers([1, 2, 3])]),
        ("ZipMap", [:]),
        ("CategoryMapper", ["cats_strings": .strings(["a"]), "cats_int64s": .integers([1])]),
    ]

    @Test(arguments: broken)
    func `is refused with a sentence`(name: String, attributes: [String: Attribute]) {
        let error = #expect(throws: EngineError.self) {
            try evaluate(
                name,
                domain: "ai.onnx.ml",
                opset: 4,
                attributes: attributes,
                inputs: [Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])],
                outputCount: 2
            )
        }
        #expect(error?.node == "'test' (\(name))")
    }

    @Test func `an unknown category is a fault where the model allows none`() throws {
        let answer = try evaluate(
            "OneHotEncoder",
            domain: "ai.onnx.ml",
            opset: 1,
            attributes: ["cats_int64s": .integers([1, 2]), "zeros": .integer(0)],
            inputs: [Tensor([1, 3] as [Int64])]
        )
        #expect(answer == nil)
    }

    @Test func `a number that is no integer is no category`() throws {
        let answer = try evaluate(
            "OneHotEncoder",
            domain: "ai.onnx.ml",
            opset: 1,
            attributes: ["cats_int64s": .integers([0, 1])],
            inputs: [Tensor([.nan, .infinity, 1.9, 1e30] as [Float])]
        )
        #expect(answer?[0].elements(as: Float.self) == [0, 0, 0, 0, 0, 1, 0, 0])
    }

    @Test func `a column that is not there is refused or a fault`() throws {
        let x = Tensor([1, 2] as [Float], shape: [1, 2])
        #expect(throws: EngineError.self) {
            try evaluate(
                "ArrayFeatureExtractor",
                domain: "ai.onnx.ml",
                opset: 1,
                inputs: [x, Tensor([2] as [Int64])]
            )
        }
    }
}
