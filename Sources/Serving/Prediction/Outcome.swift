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
        if rows == guards.count {
            // As many as the last request had, mostly.
            for row in 0..<rows { (guards[row], isModel[row]) = (.ok, true) }
            (servedBy, onlyGuard) = (.model, .ok)
            return
        }
        guards.removeAll(keepingCapacity: true)
        guards.append(contentsOf: repeatElement(.ok, count: rows))
        isModel.removeAll(keepingCapacity: true)
        isModel.append(contentsOf: repeatElement(true, count: rows))
        (servedBy, onlyGuard) = (.model, .ok)
    }

    package mutating func set(_ row: Int, _ decision: Decision) {
        guards[row] = decision.guardName
        if case .model = decision.source { isModel[row] = true } else { isModel[row] = false }
    }

    /// Who answered the rows together.
    package private(set) var servedBy = Server.model
    /// The guard that decided all rows; nil where rows differ.
    package private(set) var onlyGuard: GuardName?

    /// Sums the rows up, after the last of them is set.
    package mutating func settle() {
        var byModel = 0
        for isModel in isModel where isModel { byModel += 1 }
        servedBy = byModel == isModel.count ? .model : byModel == 0 ? .fallback : .mixed
        let first = guards.first ?? .ok
        var others = 0
        for guardName in guards where guardName.index != first.index { others += 1 }
        onlyGuard = others == 0 ? first : nil
    }

    /// Whether the model answered every row and no guard had anything against it.
    package var isUsual: Bool {
        if case .model = servedBy, case .ok? = onlyGuard { true } else { false }
    }

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
