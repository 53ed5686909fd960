// SPDX-License-Identifier: Apache-2.0

/// The operators of the ONNX core, family by family.
let coreOperators: [OperatorDefinition] = [
    unaryOperators, unaryArithmeticOperators, binaryOperators, comparisonOperators, whereOperators,
    powModOperators, clipOperators, reshapingOperators, constantOperators, arrangingOperators,
    concatSplitOperators, sliceOperators, gatherOperators, triluOperators, castOperators,
    reductionOperators, softmaxOperators, selectionOperators, normalizationOperators,
    matMulOperators, gemmOperators,
    convolutionOperators,
    recurrentOperators, dynamicQuantizeLSTMOperators,
    resizeOperators, einsumOperators, gridSampleOperators, affineGridOperators, roiOperators,
    dftOperators, stftOperators, melOperators,
    controlOperators, sequenceOperators,
    trigonometryOperators, bitwiseOperators, nonZeroOperators, nonMaxSuppressionOperators,
    scatterOperators, gatherNDOperators, spaceDepthOperators, cumulativeOperators,
    oneHotEyeOperators, detOperators, dropoutOperators, randomOperators, stringOperators,
    tfIdfOperators,
    quantizeOperators, integerProductOperators,
].flatMap { $0 }
