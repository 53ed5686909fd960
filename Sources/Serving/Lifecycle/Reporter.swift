// SPDX-License-Identifier: Apache-2.0
package import JSON
package import Telemetry

/// Tells what happens: every event goes to the journal and to the log.
package final class Reporter: Sendable {
    private let output: Log
    private let journal: Journal

    package init(directory: String, settings: Settings) {
        let log = Log(minimum: LogSeverity(settings.log.level))
        output = log
        journal = Journal(
            folder: directory,
            maximumByteCount: settings.journal.maximumBytes,
            onTrouble: { log.error("journal.trouble", ["reason": .string($0)]) }
        )
    }

    /// Changes below which severity nothing is logged.
    func setLevel(_ level: Settings.Log.Level) { output.setMinimum(LogSeverity(level)) }

    /// Something that changed what the daemon does; kept in the journal.
    ///
    /// What an operator ordered is on the disk before this returns, as the answer says that it is done
    /// and a kill may follow at once.
    package func event(
        _ name: String,
        _ severity: LogSeverity,
        model: String?,
        isOrder: Bool = false,
        _ fields: JSONValue
    ) {
        if isOrder {
            journal.appendDurably(name, model: model, fields: fields)
        } else {
            journal.appendSyncing(name, model: model, fields: fields)
        }
        var members = fields.asObject ?? []
        if let model { members.insert(JSONMember(name: "model", value: .string(model)), at: 0) }
        output.write(severity, name, members: members)
    }

    /// A line in the log only.
    package func log(
        _ severity: LogSeverity,
        _ name: String,
        _ marks: RequestMarks?,
        _ fields: JSONValue
    ) {
        output.write(
            severity,
            name,
            members: fields.asObject ?? [],
            requestID: marks?.requestID,
            trace: marks?.trace
        )
    }

    /// The journal after an event.
    func events(since: UInt64) -> [JournalRecord] { journal.events(since: since) }

    /// Events that the disk has not got.
    package var lostEventCount: UInt64 { journal.status.lostCount }

    /// Waits until all is written; for the end of the process.
    package func close() {
        journal.close()
        output.flush()
    }
}

extension LogSeverity {
    fileprivate init(_ level: Settings.Log.Level) {
        self =
            switch level {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
    }
}
