// SPDX-License-Identifier: Apache-2.0
package import Artifacts

/// What `serin pack` was asked for.
package struct PackOptions: Sendable {
    /// The model's file: ONNX, or what `importModel` reads.
    package var model: String
    /// Rows that the model was trained on or held out with.
    package var data: String
    /// The training side's answers for the same rows.
    package var predictions: String?
    /// Columns of the data that are the training side's answers.
    package var predictionsColumns: [String] = []
    /// The lock file of the training environment.
    package var environment: String?
    package var name: String?
    package var version: Int?
    package var out: String?
    package var key: Ed25519.PrivateKey?
    package var stage = Stage.staging
    package var framework: Manifest.Framework?
    /// Relative; how far an answer may be from the training side's.
    package var tolerance = 1e-5
    /// For answers near zero.
    package var absoluteTolerance = 1e-9
    /// The share of rows that must be within tolerance.
    package var leastShare = 1.0
    /// The columns of the one matrix that the graph takes, in its order.
    package var features: [String]?
    /// The same for several matrices, by graph input.
    package var inputs: [String: [String]] = [:]
    package var encodings: [String: EncodingChoice] = [:]
    /// What becomes of missing values; a value that stands in is a text here, whatever the column is.
    package var missing: [String: Substitute] = [:]
    package var target: String?
    package var ignored: Set<String> = []
    package var goldenCount = 32
    package var seed: UInt64 = 7
    /// Whether a model in double precision is imported in single precision.
    package var float32 = false
    package var isDryRun = false
    /// Told what is being done and how far it is.
    package var progress: (@Sendable (_ step: String, _ done: Int, _ total: Int) -> Void)?

    /// How texts become numbers.
    package struct EncodingChoice: Sendable, Equatable {
        package var form: Encoding.Form
        /// In the model's order; nil where the data tell them.
        package var categories: [String]?

        package init(form: Encoding.Form, categories: [String]? = nil) {
            (self.form, self.categories) = (form, categories)
        }
    }

    package init(model: String, data: String) { (self.model, self.data) = (model, data) }
}

extension ArtifactError {
    /// One problem of packing, where `subject` is a file, a flag or a column.
    init(
        packing subject: String,
        _ found: String,
        expected: String = "",
        remedy: String = ""
    ) {
        self.init(
            ArtifactProblem(file: subject, found: found, expected: expected, remedy: remedy)
        )
    }
}
