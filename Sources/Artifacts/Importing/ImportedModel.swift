// SPDX-License-Identifier: Apache-2.0

/// A model file of a training library, read into ONNX.
package struct ImportedModel: Sendable {
    /// The bytes of `model.onnx`; the same file always gives the same ones.
    package var onnx: [UInt8]
    /// The library that trained it; its version is empty where the file does not say.
    package var framework: Manifest.Framework
    /// In the order of the columns; named as in the file, or f0, f1 and so on.
    package var features: [ImportedFeature]
    /// The graph's input, `[N, features.count]`, of the features' datatype.
    package var input: String
    package var outputs: [ImportedOutput]
    /// As the library names it, such as `binary:logistic`.
    package var objective: String
    /// What a reader of the summary should know about how the file was read, a sentence each.
    package var notes: [String]
}

/// A column of the model's input.
package struct ImportedFeature: Sendable, Equatable {
    package var name: String
    /// FP32 or FP64.
    package var datatype: Datatype
    /// The categories whose codes, counted from 0, the column holds; nil for a number.
    package var categories: [String]?
    /// The values that training saw, as far as the file tells.
    package var range: ClosedRange<Double>?
    /// Whether the trees split on it as on a code of a category that has no name in the file.
    package var isCategoryCode: Bool

    package init(
        name: String,
        datatype: Datatype,
        categories: [String]? = nil,
        range: ClosedRange<Double>? = nil,
        isCategoryCode: Bool = false
    ) {
        (self.name, self.datatype) = (name, datatype)
        (self.categories, self.range) = (categories, range)
        self.isCategoryCode = isCategoryCode
    }
}

/// One of the model's answers.
package struct ImportedOutput: Sendable, Equatable {
    /// What to call it in a contract.
    package var name: String
    /// The name of the graph's output, `[N, width]`.
    package var from: String
    package var width: Int
    package var datatype: Datatype
    /// What it cannot leave by its nature: `[0, 1]` for a probability; nil where there is no such bound.
    package var range: ClosedRange<Double>?

    package init(
        name: String,
        from: String,
        width: Int,
        datatype: Datatype,
        range: ClosedRange<Double>? = nil
    ) {
        (self.name, self.from, self.width) = (name, from, width)
        (self.datatype, self.range) = (datatype, range)
    }
}

/// How a model file is to be read.
package struct ImportOptions: Sendable {
    /// Whether features and trees that the library has in double precision are taken in single
    /// precision; each threshold is then rounded so that no float changes sides.
    package var float32: Bool
    /// What errors call the file.
    package var fileName: String

    package init(float32: Bool = false, fileName: String = "model") {
        (self.float32, self.fileName) = (float32, fileName)
    }
}
