// SPDX-License-Identifier: Apache-2.0
import JSON

extension Contract {
    /// The contract's file name in an artifact.
    package static let fileName = "contract.json"

    /// Reads a `contract.json` and checks all that can be checked without the graph.
    ///
    /// - Throws: every problem of the document, each with its JSON path; none of it is used then.
    package init(parsing bytes: [UInt8]) throws(ArtifactError) {
        let document = try readDocument(bytes, file: Self.fileName)
        let reader = ContractReader()
        let contract = reader.readContract(from: document)
        guard reader.problems.isEmpty else {
            throw ArtifactError(reader.problems.list.map { ArtifactProblem(Self.fileName, $0) })
        }
        self = contract
    }

    /// The features that the fallback chain reads; it answers without all others.
    package var fallbackReads: Set<String> {
        var names: Set<String> = []
        for link in fallback {
            switch link {
            case .table(_, let feature, _, _): names.insert(feature)
            case .linear(_, _, let coefficients): names.formUnion(coefficients.keys.map(\.text))
            case .constant: break
            }
        }
        return names
    }
}

/// Parses a file of an artifact as strict JSON.
func readDocument(
    _ bytes: [UInt8],
    file: String,
    line: Int? = nil
) throws(ArtifactError) -> JSONValue {
    do {
        return try parseJSON(bytes, dialect: .strict, maximumDepth: 64)
    } catch {
        let place =
            line.map { "line \($0), column \(error.column)" }
            ?? "line \(error.line), column \(error.column) (byte \(error.offset))"
        throw ArtifactError(
            ArtifactProblem(
                file: file,
                place: place,
                found: error.problem,
                remedy: "write it as strict JSON"
            )
        )
    }
}

extension ArtifactProblem {
    /// A problem inside `file`; `prefix` stands before its JSON path, such as a line number.
    init(_ file: String, prefix: String = "", _ problem: DocumentProblem) {
        let separator = prefix.isEmpty || problem.path.isEmpty ? "" : ": "
        self.init(
            file: file,
            place: prefix + separator + problem.path,
            found: problem.problem,
            remedy: problem.hint ?? ""
        )
    }
}
