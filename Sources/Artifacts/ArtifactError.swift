// SPDX-License-Identifier: Apache-2.0

/// Why an artifact was refused: everything that is wrong with it, not only the first.
package struct ArtifactError: Error, Equatable, Sendable, CustomStringConvertible {
    /// At least one.
    package var problems: [ArtifactProblem]
    /// Whose fault it is, for the exit status of a command.
    package var cause = Cause.content
    /// What was noticed before and helps to understand the problems.
    package var notes: [String] = []

    package enum Cause: Sendable {
        /// Files are not what they should be.
        case content
        /// What was asked for cannot be.
        case usage
        /// A file cannot be read or written.
        case system
    }

    package init(_ problems: [ArtifactProblem]) { self.problems = problems }
    package init(_ problem: ArtifactProblem) { problems = [problem] }

    /// The same, laid to a cause.
    package func because(of cause: Cause) -> ArtifactError {
        var error = self
        error.cause = cause
        return error
    }

    /// One line a problem.
    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

/// One thing that is wrong with an artifact.
package struct ArtifactProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file's path inside the artifact, or the folder's.
    package var file: String
    /// A JSON path, a line or a byte; empty where the whole file is meant.
    package var place: String
    /// What is wrong, with what stands there.
    package var found: String
    /// What would be right; empty where `found` says so.
    package var expected: String
    /// What to do about it; empty where that is plain.
    package var remedy: String

    package init(
        file: String,
        place: String = "",
        found: String,
        expected: String = "",
        remedy: String = ""
    ) {
        self.file = file
        self.place = place
        self.found = found
        self.expected = expected
        self.remedy = remedy
    }

    /// Such as `model.onnx: 512 bytes; expected 4096 as artifact.json says; copy it again`.
    package var description: String {
        var text = Self.oneLine(file)
        if !place.isEmpty { text += ": \(Self.oneLine(place))" }
        text += ": \(Self.oneLine(found))"
        if !expected.isEmpty { text += "; expected \(Self.oneLine(expected))" }
        if !remedy.isEmpty { text += "; \(Self.oneLine(remedy))" }
        return text
    }

    /// Text from an untrusted file must not break the line or move a terminal's cursor.
    package static func oneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var line = ""
        for scalar in text.unicodeScalars {
            if isControl(scalar) {
                line += scalar.escaped(asASCII: true)
            } else {
                line.unicodeScalars.append(scalar)
            }
        }
        return line
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
