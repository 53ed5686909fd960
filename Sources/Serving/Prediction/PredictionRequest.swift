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
}
