// SPDX-License-Identifier: Apache-2.0
package import Guards

/// Who answered a request's rows, and which guard decided so.
package struct Outcome: Sendable {
    /// Who answered the rows of one request.
    package enum Server: Int, Sendable, CaseIterable {
        case model, fallback, mixed

        package var name: String {
            switch self {
            case .model: "model"
            case .fallback: "fallback"
            case .mixed: "mixed"
            }
        }
    }

    /// A guard for each row: `ok` and `override` to the model are the model's answers.
    package var guards: [GuardName] = []
    /// Whether the model answered the row.
    package var isModel: [Bool] = []

    package init(rows: Int) { reset(rows: rows) }

    /// Begins anew, in the memory that it has.
    package mutating func reset(rows: Int) {
        guards.removeAll(keepingCapacity: true)
        guards.append(contentsOf: repeatElement(.ok, count: rows))
        isModel.removeAll(keepingCapacity: true)
        isModel.append(contentsOf: repeatElement(true, count: rows))
    }

    package mutating func set(_ row: Int, _ decision: Decision) {
        guards[row] = decision.guardName
        isModel[row] = decision.source == .model
    }

    package var servedBy: Server {
        let byModel = isModel.count { $0 }
        if byModel == isModel.count { return .model }
        return byModel == 0 ? .fallback : .mixed
    }

    /// The guard that decided all rows; nil where rows differ.
    package var onlyGuard: GuardName? {
        guard let first = guards.first else { return .ok }
        for guardName in guards where guardName != first { return nil }
        return first
    }

    /// Whether the model answered every row and no guard had anything against it.
    package var isUsual: Bool { servedBy == .model && onlyGuard == .ok }

    /// The guards that decided, each once, in the order of the rows; `ok` where none had to.
    package var decision: String {
        if let onlyGuard { return onlyGuard.rawValue }
        var names: [String] = []
        for guardName in guards where guardName != .ok && !names.contains(guardName.rawValue) {
            names.append(guardName.rawValue)
        }
        return names.joined(separator: ",")
    }
}
