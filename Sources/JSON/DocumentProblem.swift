// SPDX-License-Identifier: Apache-2.0

/// One thing that is wrong in a document that is JSON but not what it should say.
package struct DocumentProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// As in `features[2].range`; empty for the document itself.
    package let path: String
    /// One sentence without its end: what was found, what would be right.
    package let problem: String
    /// What to do about it, where that is known.
    package let hint: String?

    package init(path: String, problem: String, hint: String? = nil) {
        self.path = path
        self.problem = problem
        self.hint = hint
    }

    package var description: String {
        let place = path.isEmpty ? "" : path + ": "
        return place + problem + (hint.map { "; \($0)" } ?? "")
    }
}

/// Where the readers of one document collect what is wrong in it.
package final class DocumentProblems {
    package private(set) var list: [DocumentProblem] = []

    package init() {}

    package var isEmpty: Bool { list.isEmpty }

    package func add(_ path: String, _ problem: String, hint: String? = nil) {
        list.append(DocumentProblem(path: path, problem: problem, hint: hint))
    }
}

/// The path of member `name` of the object at `path`.
package func memberPath(_ path: String, _ name: String) -> String {
    let isPlain =
        !name.isEmpty
        && name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    guard isPlain else { return path + "[" + JSONValue.string(name).text() + "]" }
    return path.isEmpty ? name : path + "." + name
}
