// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import JSON
import Serving

/// The golden records of one artifact, answered by another: how far its answers are from the recorded ones.
struct GoldenDiff {
    /// One recorded value and the other artifact's.
    private struct Deviation {
        let line: Int
        let output: String
        let want: JSONValue
        let got: JSONValue
        let deviation: Double
        let passes: Bool
    }

    private var deviations: [Deviation] = []
    private var answered = 0
    private var byFallback = 0
    private var refused = 0
    /// Why the first row that was refused was.
    private var refusal: String?
    private let records: Int
    private let names: [String]

    init(of artifact: Artifact, through version: ModelVersion) {
        records = artifact.goldenRecords.count
        let features = Set(version.contract.features.map(\.name))
        let known = Set(artifact.contract.outputs.map(\.name))
        names = version.contract.outputs.map(\.name).filter(known.contains)
        for record in artifact.goldenRecords {
            let inputs = (record.inputs.asObject ?? []).filter { features.contains($0.name) }
            do throws(Failure) {
                let answer = try version.predictOffline([.object(inputs)])
                add(record, answer, of: version)
            } catch {
                refused += 1
                refusal = refusal ?? "line \(record.line): \(error.sentence)"
            }
        }
    }

    private mutating func add(_ record: GoldenRecord, _ answer: JSONValue, of version: ModelVersion)
    {
        answered += 1
        if answer["parameters"]?["serin-served-by"]?.asArray?.first?.asString != "model" {
            byFallback += 1
        }
        let row = answer["predictions"]?.asArray?.first
        for name in names {
            // An answer of one output stands without its name.
            let got = version.contract.outputs.count == 1 && row?[name] == nil ? row : row?[name]
            let wants = elements(record.outputs[name])
            let gots = elements(got)
            for index in 0..<max(wants.count, gots.count) {
                let want = index < wants.count ? wants[index] : .null
                let found = index < gots.count ? gots[index] : .null
                let comparison = compare(found, want, version.contract.canary)
                deviations.append(
                    Deviation(
                        line: record.line,
                        output: wants.count > 1 ? "\(name)[\(index)]" : name,
                        want: want,
                        got: found,
                        deviation: comparison.deviation,
                        passes: comparison.passes
                    )
                )
            }
        }
    }

    private func elements(_ value: JSONValue?) -> [JSONValue] {
        guard let value else { return [] }
        return value.asArray.map { $0.flatMap(elements) } ?? [value]
    }

    private func compare(
        _ got: JSONValue,
        _ want: JSONValue,
        _ settings: CanarySettings
    ) -> Comparison {
        if let got = got.asNumber?.double, let want = want.asNumber?.double {
            return Guards.compare(
                got: got,
                want: want,
                tolerance: settings.tolerance,
                absolute: settings.absoluteTolerance
            )
        }
        return Guards.compare(got: got.text(), want: want.text())
    }

    var isSame: Bool { refused == 0 && deviations.allSatisfy(\.passes) }

    var document: JSONValue {
        [
            "records": .number(records), "answered": .number(answered),
            "by_fallback": .number(byFallback), "refused": .number(refused),
            "refusal": refusal.map { .string($0) } ?? .null,
            "outputs": .array(names.map(summary)),
            "worst": .array(
                deviations.filter { !$0.passes }
                    .sorted { $0.deviation > $1.deviation }.prefix(5).map {
                        [
                            "line": .number($0.line), "output": .string($0.output),
                            "recorded": $0.want, "got": $0.got, "deviation": .number($0.deviation),
                        ]
                    }
            ),
        ]
    }

    /// The largest and the median deviation; null where an answer has no distance, as with texts.
    private func summary(of output: String) -> JSONValue {
        let found = deviations.filter { $0.output == output || $0.output.hasPrefix("\(output)[") }
        let sorted = found.map(\.deviation).sorted()
        let middle = sorted.count / 2
        let median =
            sorted.isEmpty
            ? 0 : sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        return [
            "output": .string(output), "values": .number(found.count),
            "differing": .number(found.count { !$0.passes }),
            "largest": .number(sorted.last ?? 0), "median": .number(median),
        ]
    }
}
