// SPDX-License-Identifier: Apache-2.0
import JSON

/// One thing that `doctor` looked at: what it found, and what to do where it is not well.
struct Finding {
    enum Grade: String {
        case ok
        /// The daemon starts, but somebody should know.
        case warn
        /// The daemon does not start, or not with everything.
        case fail
    }

    var grade: Grade
    /// What was looked at: `memory`, `configuration`, `artifact diamonds-price/1`.
    var subject: String
    var found: String
    var remedy: String?

    static func ok(_ subject: String, _ found: String) -> Finding {
        Finding(grade: .ok, subject: subject, found: found)
    }

    static func warn(_ subject: String, _ found: String, _ remedy: String) -> Finding {
        Finding(grade: .warn, subject: subject, found: found, remedy: remedy)
    }

    static func fail(_ subject: String, _ found: String, _ remedy: String?) -> Finding {
        Finding(grade: .fail, subject: subject, found: found, remedy: remedy)
    }

    var json: JSONValue {
        [
            "grade": .string(grade.rawValue), "subject": .string(subject),
            "found": .string(found), "remedy": remedy.map { .string($0) } ?? .null,
        ]
    }
}
