// SPDX-License-Identifier: Apache-2.0

/// The operators of the ONNX core, family by family.
let coreOperators: [OperatorDefinition] = [unaryOperators].flatMap { $0 }
