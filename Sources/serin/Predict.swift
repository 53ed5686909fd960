// SPDX-License-Identifier: Apache-2.0
import Artifacts
import Guards
import JSON
import Platform
import Serving

extension CommandSpec {
    static let predict = CommandSpec(
        name: "predict",
        summary: "answer rows from a file with an artifact, without a daemon",
        help: """
            Rows are a CSV file whose first line names the features, a JSON list of objects, JSON
            lines, or {"instances": [...]}. They go through the daemon's own path: validation, kill
            switches, inference, bounds, fallback. Prints a table, or with --json a client's answer,
            with who answered each row. Exits 1 when the rows break the contract.
            """,
        examples: [
            "serin predict Models/diamonds-price/1 rows.csv",
            "cat rows.json | serin predict Models/tumour/1 - --json",
        ],
        positionals: [
            PositionalSpec(name: "ARTIFACT", summary: "the artifact's folder"),
            PositionalSpec(name: "ROWS", summary: "a file, or - for standard input"),
        ],
        flags: [.json],
        run: runPredict
    )
}

@Sendable private func runPredict(_ arguments: Arguments) throws -> ExitStatus {
    let rows = try readRows(arguments.positional(1) ?? "-")
    let version: ModelVersion
    do throws(ArtifactError) {
        let artifact = try Artifact.load(
            directory: arguments.positional(0) ?? "",
            options: ArtifactOptions()
        )
        version = try ModelVersion(
            artifact: artifact,
            settings: ModelSettings(maximumRows: 1024, workspaces: 0),
            metrics: ServingMetrics(),
            now: .now
        )
    } catch {
        throw CommandFailure(status: .no, description: error.description)
    }
    let instances = try instances(from: rows, features: version.contract.features)
    do throws(Failure) {
        let prediction = try version.predictOffline(instances)
        if arguments.has("--json") {
            Terminal.print(prediction.text(pretty: true))
        } else {
            Terminal.print(table(prediction, version.contract).joined(separator: "\n"))
        }
        return .done
    } catch {
        for detail in error.details where error.detailCount > 1 {
            let place = [detail.feature.map { "feature '\($0)'" }, detail.row.map { "row \($0)" }]
                .compactMap(\.self).joined(separator: ", ")
            Terminal.complain(
                "\(place): \(detail.problem)" + (detail.value.map { ": \($0)" } ?? "")
                    + (detail.hint.map { "; \($0)" } ?? "")
            )
        }
        throw CommandFailure(status: .no, description: error.sentence)
    }
}

private func readRows(_ path: String) throws(CommandFailure) -> [UInt8] {
    do {
        return try readStream(path: path, limit: 256 << 20)
    } catch {
        throw .failed("\(error)")
    }
}

/// The rows as a JSON list of objects, whichever form they came in.
private func instances(
    from bytes: [UInt8],
    features: [Feature]
) throws(CommandFailure) -> JSONValue {
    let first = bytes.first { !" \t\r\n".utf8.contains($0) }
    guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
        return .array(try CSVRows(bytes, features: features).rows)
    }
    do throws(JSONError) {
        let document = try parseJSON(bytes)
        if let rows = document["instances"] { return rows }
        return document.asArray == nil ? .array([document]) : document
    } catch let whole {
        // Not one document: perhaps one a line.
        var rows: [JSONValue] = []
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let row = try? parseJSON(Array(line)) else {
                throw CommandFailure(status: .no, description: "the rows are not JSON: \(whole)")
            }
            rows.append(row)
        }
        return .array(rows)
    }
}

private func table(_ prediction: JSONValue, _ contract: Contract) -> [String] {
    let rows = prediction["predictions"]?.asArray ?? []
    let outputs = contract.outputs.map(\.name)
    let parameters = prediction["parameters"]
    func mark(_ name: String, _ row: Int) -> String {
        let value = parameters?[name]
        return (value?.asArray.map { $0[row] } ?? value)?.asString ?? ""
    }
    let lines = rows.enumerated().map { index, row in
        ["\(index)"] + outputs.map { ((row[$0] ?? row).text(pretty: false)) }
            + [mark("serin-served-by", index), mark("serin-decision", index)]
    }
    return columns([["row"] + outputs + ["served by", "decision"]] + lines, indent: "")
}
