// SPDX-License-Identifier: Apache-2.0
package import Guards

/// Who answered a request's rows, and which guard decided so.
package struct Outcome: Sendable {
    /// A guard for each row: `ok` and `override` to the model are the model's answers.
    package var guards: [GuardName]
    /// Whether the model answered the row.
    package var isModel: [Bool]

    package init(rows: Int) {
        guards = Array(repeating: .ok, count: rows)
        isModel = Array(repeating: true, count: rows)
    }

    package var servedBy: String {
        let byModel = isModel.count { $0 }
        if byModel == isModel.count { return "model" }
        return byModel == 0 ? "fallback" : "mixed"
    }

    /// The guards that decided, each once, most deciding first; `ok` where none had to.
    package var decision: String {
        var names: [String] = []
        for guardName in guards where guardName != .ok && !names.contains(guardName.rawValue) {
            names.append(guardName.rawValue)
        }
        return names.isEmpty ? GuardName.ok.rawValue : names.joined(separator: ",")
    }
}
