// SPDX-License-Identifier: Apache-2.0
import Engine
import Guards
package import JSON
import Platform
import Telemetry

extension ModelVersion {
    /// Answers rows without a daemon, through the same path, a slice of the arena's rows at a time.
    ///
    /// - Parameter instances: a list of objects.
    /// - Returns: what a client would get in the row form.
    /// - Throws: the refusal that a client would get.
    package func predictOffline(_ instances: JSONValue) throws(Failure) -> JSONValue {
        guard let rows = instances.asArray, !rows.isEmpty else { throw .noRows }
        var predictions: [JSONValue] = []
        var servedBy: [JSONValue] = []
        var decisions: [JSONValue] = []
        for start in stride(from: 0, to: rows.count, by: program.maximumRows) {
            let slice = rows[start..<min(start + program.maximumRows, rows.count)]
            let body: JSONValue = ["instances": .array(Array(slice))]
            do throws(Failure) {
                try decodeRows(body.encoded(pretty: false), into: reserved)
            } catch {
                throw error.shifted(by: start)
            }
            _ = try answer(reserved, PredictionContext(override: .auto, now: .now, isOffline: true))
            let marks = AnswerMarks(request: RequestMarks(), version: self.marks)
            var writer = JSONWriter()
            var gaps = AnswerGaps()
            RowEncoder.encode(
                reserved.tables.outputs,
                reserved.tables.outcome,
                marks,
                leaving: &gaps,
                to: &writer
            )
            predictions += (try? parseJSON(writer.bytes))?["predictions"]?.asArray ?? []
            servedBy += reserved.tables.outcome.isModel.map { .string($0 ? "model" : "fallback") }
            decisions += reserved.tables.outcome.guards.map { .string($0.rawValue) }
        }
        return [
            "predictions": .array(predictions),
            "parameters": [
                "serin-model-version": .string(String(version)),
                "serin-served-by": .array(servedBy), "serin-decision": .array(decisions),
            ],
        ]
    }
}

extension Failure {
    /// The same with rows counted from another start.
    fileprivate func shifted(by start: Int) -> Failure {
        var failure = self
        for index in failure.details.indices {
            failure.details[index].row = failure.details[index].row.map { $0 + start }
        }
        return failure
    }
}
