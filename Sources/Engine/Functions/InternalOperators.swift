// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Operators that only the bodies of functions use, to decide by what only inference knows.
let internalOperators: [OperatorDefinition] = [
    /// Whether the input's elements are of type `to`: a condition for If, known before anything runs.
    OperatorDefinition(
        "HasType",
        domain: SpecifiedFunction.internalDomain,
        since: 1,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            [Fact(Tensor([Truth(try context.hasType())], shape: []))]
        },
        compile: { context throws(EngineError) in
            let answer = Truth(try context.hasType())
            return { frame in frame.output(0, as: Truth.self)[0] = answer }
        }
    )
]

extension NodeContext {
    fileprivate func hasType() throws(EngineError) -> Bool {
        Int(try input(0).type.rawValue) == (try integer("to", default: 0))
    }
}
