// SPDX-License-Identifier: Apache-2.0

/// An operator that the ONNX specification defines by a body of other operators.
///
/// The body is a text in ONNX's textual syntax, chosen or put together for the call at hand. It
/// uses only what is in every version up to `bodyOpset`, whose forms its nodes have.
struct SpecifiedFunction: Sendable {
    /// The core's version for which all the bodies are written, but where a text names its own.
    static let bodyOpset = 23

    /// The domain of operators and functions that only bodies use.
    static let internalDomain = "serin"

    let name: String
    let domain: String
    let sinceVersion: Int
    let body: @Sendable (FunctionCall) throws(EngineError) -> String

    /// An operator whose body depends on how it is called.
    init(
        _ name: String,
        domain: String = "",
        since: Int,
        _ body: @escaping @Sendable (FunctionCall) throws(EngineError) -> String
    ) {
        (self.name, self.domain, sinceVersion, self.body) = (name, domain, since, body)
    }

    /// An operator that has one body for every call.
    init(_ name: String, domain: String = "", since: Int, _ text: String) {
        self.init(name, domain: domain, since: since) { _ in text }
    }

    private struct Key: Hashable {
        let domain: String
        let name: String
    }

    private static let table = Dictionary(
        grouping: all,
        by: { Key(domain: $0.domain, name: $0.name) }
    )

    /// The form of an operator that a model importing `opset` means, if it has a body.
    static func find(_ name: String, domain: String, opset: Int) -> SpecifiedFunction? {
        table[Key(domain: domain, name: name)]?.filter { $0.sinceVersion <= opset }
            .max { $0.sinceVersion < $1.sinceVersion }
    }
}
