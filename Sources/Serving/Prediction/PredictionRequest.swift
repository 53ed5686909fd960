// SPDX-License-Identifier: Apache-2.0
import Artifacts

/// The two forms in which clients ask and are answered.
package enum PredictionForm: Sendable {
    /// Open Inference Protocol v2: tensors, a column each.
    case tensors
    /// KServe v1: `instances`, a row each.
    case rows
}

/// What a request asks besides the values of its features.
package struct PredictionRequest: Sendable {
    package struct RequestedOutput: Sendable, Equatable {
        /// Index into the contract's outputs.
        package var output: Int
        package var isBinary: Bool
    }

    package var form: PredictionForm
    /// The client's own name for the request, echoed in the answer.
    package var id: String?
    /// In the order asked for; all outputs where the client named none.
    package var outputs: [RequestedOutput] = []
    /// The client's deadline, from the `timeout` parameter (microseconds).
    package var timeout: Duration?

    package init(form: PredictionForm) {
        self.form = form
    }

    /// The outputs of which no value is written as text, a bit for each of the first 64.
    package var textless: UInt64 {
        guard form == .tensors else { return 0 }
        var textless = UInt64.max
        for asked in outputs where !asked.isBinary { textless &= ~(1 << UInt64(asked.output)) }
        return textless
    }
}
