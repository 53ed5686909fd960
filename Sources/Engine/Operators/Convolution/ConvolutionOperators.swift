// SPDX-License-Identifier: Apache-2.0

/// Convolution, pooling, and what stands beside them in nets over images.
let convolutionOperators: [OperatorDefinition] =
    [
        convolutionOperator, transposedConvolutionOperator, deformableConvolutionOperator,
        maxUnpoolOperator, batchNormalizationOperator, localResponseOperator,
        columnsToImageOperator, padOperator, upsampleOperator,
    ]
    + [
        integerConvolutionOperators, poolingOperators, globalPoolingOperators,
        groupNormalizationOperators,
    ].flatMap { $0 }
