// SPDX-License-Identifier: Apache-2.0
import Artifacts
package import Guards
package import JSON
import Platform

extension CanaryReport {
    /// The run as the operations port and the command line show it: every record's deviation.
    package func document(of version: ModelVersion) -> JSONValue {
        var members: [JSONMember] = [
            JSONMember(name: "model", value: .string(version.name)),
            JSONMember(name: "version", value: .number(version.version)),
            JSONMember(name: "outcome", value: .string(outcomeName)),
        ]
        if case .couldNotRun(let reason) = outcome {
            members.append(JSONMember(name: "reason", value: .string(reason)))
        }
        let verdict = version.guards.withLock { $0.canary.verdict(at: .now) }
        members += [
            JSONMember(name: "verdict", value: .string(verdict.rawValue)),
            JSONMember(name: "tolerance", value: .number(version.contract.canary.tolerance)),
            JSONMember(name: "max_deviation", value: .number(deviations.max() ?? 0)),
            JSONMember(name: "fallback_proven", value: .bool(isFallbackProven)),
            JSONMember(name: "records", value: .array(records)),
        ]
        return .object(members)
    }

    /// `passed`, `wrong` or `could_not_run`.
    package var outcomeName: String {
        switch outcome {
        case .passed: "passed"
        case .wrong: "wrong"
        case .couldNotRun: "could_not_run"
        }
    }

    /// What is wrong, where something is.
    package var failures: [RecordDeviation] {
        if case .wrong(let deviations) = outcome { deviations } else { [] }
    }

    private var records: [JSONValue] {
        let wrong = Dictionary(failures.map { ($0.record, $0) }) { first, _ in first }
        var rows: [JSONValue] = deviations.enumerated().map { record, deviation in
            guard let failure = wrong[record] else {
                return ["record": .number(record), "deviation": .number(deviation), "ok": true]
            }
            return failure.document
        }
        rows += failures.filter { $0.record >= deviations.count }.map(\.document)
        return rows
    }
}

extension RecordDeviation {
    /// Such a deviation may be infinite, which JSON writes as null.
    package var document: JSONValue {
        [
            "record": .number(record), "output": .string(output), "got": .string(got),
            "want": .string(want), "deviation": .number(deviation), "ok": false,
        ]
    }
}
