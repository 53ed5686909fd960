// SPDX-License-Identifier: Apache-2.0

/// The operators of the domain ai.onnx.ml.
let mlOperators: [OperatorDefinition] = [
    treeRegressorOperators, treeClassifierOperators, linearOperators, svmRegressorOperators,
    svmClassifierOperators, columnOperators, oneHotOperators, labelOperators,
    featureColumnOperators, mapOperators,
].flatMap { $0 }
