// SPDX-License-Identifier: Apache-2.0
internal import Dispatch
internal import Synchronization
package import JSON
package import Platform

package enum LogSeverity: String, Sendable, CaseIterable, Comparable {
    case debug
    case info
    case warning
    case error

    package static func < (one: LogSeverity, other: LogSeverity) -> Bool {
        one.rank < other.rank
    }

    fileprivate var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .warning: 2
        case .error: 3
        }
    }
}

/// Writes events as JSON lines, one `write` a line, from a queue of its own.
///
/// The caller never waits for whoever reads: at most `maximumPending` lines wait to be written. What comes
/// on top, or finds a full disk, is counted and told once there is room. Secrets are redacted, control
/// characters and those that reorder text are escaped, texts are cut at 2,048 bytes.
package final class Log: Sendable {
    package static let maximumPending = 4096

    private let least: Atomic<Int>
    private let now: @Sendable () -> Timestamp
    private let sink: @Sendable ([UInt8]) -> Bool
    private let queue = DispatchQueue(label: "serin.log")
    private let state = Guarded(State())

    private struct State: Sendable {
        var pending = 0
        var dropped: UInt64 = 0
        var droppedInAll: UInt64 = 0
    }

    /// - Parameters:
    ///   - minimum: events below it are not written.
    ///   - now: the clock.
    ///   - sink: takes each line, its end included, and answers whether it did; standard error where nil.
    package init(
        minimum: LogSeverity = .info,
        now: @escaping @Sendable () -> Timestamp = { WallClock.now() },
        sink: (@Sendable ([UInt8]) -> Bool)? = nil
    ) {
        least = Atomic(minimum.rank)
        self.now = now
        let output = LogOutput(number: 2)
        self.sink = sink ?? { output.take($0) }
    }

    /// Changes below which severity events are not written.
    package func setMinimum(_ severity: LogSeverity) {
        least.store(severity.rank, ordering: .relaxed)
    }

    private func isWritten(_ severity: LogSeverity) -> Bool {
        severity.rank >= least.load(ordering: .relaxed)
    }

    package func debug(_ event: String, _ fields: KeyValuePairs<String, JSONValue> = [:]) {
        write(.debug, event, fields)
    }

    package func info(_ event: String, _ fields: KeyValuePairs<String, JSONValue> = [:]) {
        write(.info, event, fields)
    }

    package func warning(_ event: String, _ fields: KeyValuePairs<String, JSONValue> = [:]) {
        write(.warning, event, fields)
    }

    package func error(_ event: String, _ fields: KeyValuePairs<String, JSONValue> = [:]) {
        write(.error, event, fields)
    }

    /// Writes an event.
    ///
    /// - Parameters:
    ///   - severity: compared with the minimum before any work is done.
    ///   - event: a name such as `model.loaded`.
    ///   - fields: what belongs to it; `time`, `severity` and `event` are taken.
    ///   - requestID: the request that it happened in.
    ///   - trace: the trace that the request belongs to.
    package func write(
        _ severity: LogSeverity,
        _ event: String,
        _ fields: KeyValuePairs<String, JSONValue> = [:],
        requestID: RequestID? = nil,
        trace: TraceContext? = nil
    ) {
        guard isWritten(severity) else { return }
        let members = fields.map { JSONMember(name: $0, value: $1) }
        write(severity, event, members: members, requestID: requestID, trace: trace)
    }

    /// The same with fields that are already members of an object.
    package func write(
        _ severity: LogSeverity,
        _ event: String,
        members fields: [JSONMember],
        requestID: RequestID? = nil,
        trace: TraceContext? = nil
    ) {
        guard isWritten(severity) else { return }
        let isAdmitted = state.withLock { state in
            guard state.pending < Self.maximumPending else {
                state.dropped += 1
                state.droppedInAll += 1
                return false
            }
            state.pending += 1
            return true
        }
        guard isAdmitted else { return }
        var members: [JSONMember] = [
            JSONMember(name: "time", value: .string(now().rfc3339(.milliseconds))),
            JSONMember(name: "severity", value: .string(severity.rawValue)),
            JSONMember(name: "event", value: .string(event)),
        ]
        for field in fields {
            let isTaken = ["time", "severity", "event"].contains(field.name)
            members.append(
                JSONMember(
                    name: isTaken ? field.name + "_" : field.name,
                    value: redacted(field.value, name: field.name)
                )
            )
        }
        if let requestID {
            members.append(JSONMember(name: "request_id", value: .string(requestID.text)))
        }
        if let trace {
            members.append(JSONMember(name: "trace_id", value: .string(trace.traceID)))
            members.append(JSONMember(name: "span_id", value: .string(trace.spanID)))
        }
        let line = logLine(.object(members))
        queue.async { [self] in
            let isWritten = sink(line)
            let dropped = state.withLock { state in
                state.pending -= 1
                guard isWritten else {
                    state.dropped += 1
                    state.droppedInAll += 1
                    return 0 as UInt64
                }
                defer { state.dropped = 0 }
                return state.dropped
            }
            guard dropped > 0, !sink(droppedLine(dropped)) else { return }
            state.withLock { $0.dropped += dropped }
        }
    }

    /// Waits until all lines so far are written; for the end of the process.
    package func flush() { queue.sync {} }

    /// Lines that found no room, since the start.
    package var droppedCount: UInt64 { state.withLock { $0.droppedInAll } }

    private func droppedLine(_ count: UInt64) -> [UInt8] {
        logLine([
            "time": .string(now().rfc3339(.milliseconds)), "severity": "warning",
            "event": "log.lines_dropped", "count": .number(JSONNumber(count)),
        ])
    }
}

/// One line of JSON in which nothing moves a terminal's cursor, hides or reorders text.
func logLine(_ value: JSONValue) -> [UInt8] {
    let bytes = cut(value).encoded()
    guard bytes.contains(where: { $0 >= 0x7F }) else { return bytes + [0x0A] }
    var line: [UInt8] = []
    line.reserveCapacity(bytes.count + 64)
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
        switch scalar.value {
        case 0x7F...0x9F, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF:
            let digits = String(scalar.value, radix: 16)
            let zeros = String(repeating: "0", count: 4 - digits.utf8.count)
            line.append(contentsOf: "\\u\(zeros)\(digits)".utf8)
        default:
            line.append(contentsOf: String(scalar).utf8)
        }
    }
    return line + [0x0A]
}

/// The value with each text cut at 2,048 bytes.
private func cut(_ value: JSONValue) -> JSONValue {
    switch value {
    case .string(let text) where text.utf8.count > 2048:
        return .string(String(decoding: text.utf8.prefix(2048), as: UTF8.self) + "…")
    case .array(let elements): return .array(elements.map(cut))
    case .object(let members):
        return .object(members.map { JSONMember(name: $0.name, value: cut($0.value)) })
    default: return value
    }
}
