// SPDX-License-Identifier: Apache-2.0
internal import Dispatch
package import JSON
package import Platform

/// The append-only record of events, on disk and in memory.
///
/// Events get their number at once and are written in its order by a queue of the journal's own, so
/// `append` never waits for the disk. The latest records are kept in memory for those who read. When
/// the disk fails, the journal goes on in memory, counts what the disk has not got, and says so
/// once; it goes back to the disk by itself. Secrets in fields are redacted.
package final class Journal: Sendable {
    /// Records kept in memory.
    package static let memoryCount = 1024
    /// Records that wait for the disk; what comes on top stays in memory only.
    package static let maximumPending = 4096
    /// Numbers set aside on disk at a time: the gap that a crash leaves at most.
    private static let block: UInt64 = 256

    /// How the journal is.
    package struct Status: Sendable, Equatable {
        /// The number of the latest record; 0 before the first.
        package var lastSequence: UInt64
        /// Whether the disk failed, or there is none, so that new records stay in memory.
        package var isInMemory: Bool
        /// Records that the disk has not got, since the start.
        package var lostCount: UInt64
    }

    private struct State: Sendable {
        var last: UInt64 = 0
        var recent: [JournalRecord] = []
        /// Records on their way to the disk.
        var pending = 0
        var isInMemory = false
        var lostCount: UInt64 = 0
    }

    private let state = Guarded(State())
    private let queue = DispatchQueue(label: "serin.journal")
    private let writer: JournalWriter
    private let now: @Sendable () -> Timestamp
    /// Bytes of a record's fields; longer ones are left out.
    private let maximumFields: Int
    /// Whether records are meant for the disk at all.
    private let isOnDisk: Bool

    /// Opens the journal of a folder; always succeeds, if only in memory.
    ///
    /// - Parameters:
    ///   - folder: the state directory; nil for a journal in memory only.
    ///   - maximumByteCount: what the files may hold together; at least 8 KiB.
    ///   - now: the clock.
    ///   - onTrouble: takes a sentence when the disk fails and when it works again.
    package init(
        folder: String?,
        maximumByteCount: Int = 8 << 20,
        now: @escaping @Sendable () -> Timestamp = { WallClock.now() },
        onTrouble: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        let byteCount = max(maximumByteCount, 8192)
        maximumFields = min(byteCount / 4, 1 << 16)
        isOnDisk = folder != nil
        self.now = now
        var found = JournalFiles.Found()
        writer = JournalWriter(
            folder: folder,
            maximumByteCount: byteCount,
            block: Self.block,
            latest: Self.memoryCount,
            onTrouble: onTrouble,
            found: &found
        )
        let isInMemory = !writer.hasDisk
        // Where no number can be read back, the clock keeps them from repeating.
        let clock = isInMemory ? UInt64(max(0, now().microseconds)) : 0
        let start = max(found.reserved, clock)
        let recent = found.records
        state.withLock { state in
            state.last = start
            state.recent = recent
            state.isInMemory = isInMemory
        }
        if found.cutByteCount > 0 || found.damagedCount > 0 {
            append(
                "journal.repaired",
                fields: [
                    "cut_bytes": .number(found.cutByteCount),
                    "damaged_records": .number(found.damagedCount),
                ]
            )
        }
    }

    /// Writes an event down, soon.
    ///
    /// - Parameters:
    ///   - event: a name such as `canary.failed`.
    ///   - model: whom it is about.
    ///   - fields: what belongs to it; an object.
    /// - Returns: the record's number.
    @discardableResult
    package func append(
        _ event: String,
        model: String? = nil,
        fields: JSONValue = [:]
    ) -> UInt64 {
        add(event, model, fields, syncs: false)
    }

    /// Writes a change of state down and waits until the disk has it.
    ///
    /// Not for an event loop.
    ///
    /// - Returns: the record's number, and whether the disk has it.
    @discardableResult
    package func appendDurably(
        _ event: String,
        model: String? = nil,
        fields: JSONValue = [:]
    ) -> (sequence: UInt64, isOnDisk: Bool) {
        let answer = Answer()
        let sequence = add(event, model, fields, syncs: true) { answer.give($0) }
        return (sequence, answer.wait())
    }

    /// Writes a change of state down and has the disk sync it, without waiting.
    @discardableResult
    package func appendSyncing(
        _ event: String,
        model: String? = nil,
        fields: JSONValue = [:]
    ) -> UInt64 {
        add(event, model, fields, syncs: true)
    }

    /// The records after number `sequence`, oldest first, as far back as memory reaches.
    ///
    /// - Parameters:
    ///   - sequence: the last number that the reader has seen; 0 for all.
    ///   - limit: at most so many.
    /// - Returns: the records.
    package func events(since sequence: UInt64, limit: Int = .max) -> [JournalRecord] {
        let recent = state.withLock { $0.recent }
        var low = 0
        var high = recent.count
        while low < high {
            let middle = (low + high) / 2
            if recent[middle].sequence <= sequence { low = middle + 1 } else { high = middle }
        }
        return Array(recent[low...].prefix(limit))
    }

    /// The records of a folder's files, oldest first; reads them all, so not for an event loop.
    package static func storedEvents(
        in folder: String,
        since sequence: UInt64 = 0
    ) throws(SystemError) -> [JournalRecord] {
        var found = JournalFiles.Found()
        try JournalFiles.read(folder, maximumByteCount: 1 << 26, latest: .max, into: &found)
        return found.records.filter { $0.sequence > sequence }
    }

    package var status: Status {
        state.withLock { state in
            Status(
                lastSequence: state.last,
                isInMemory: state.isInMemory,
                lostCount: state.lostCount
            )
        }
    }

    /// Waits until everything so far is written and synced, and lets the folder go; what is appended
    /// later stays in memory.
    package func close() {
        let last = state.withLock { $0.last }
        queue.sync { writer.close(last: last) }
    }

    private func add(
        _ event: String,
        _ model: String?,
        _ fields: JSONValue,
        syncs: Bool,
        completion: (@Sendable (Bool) -> Void)? = nil
    ) -> UInt64 {
        let event = String(event.prefix(128))
        let model = model.map { String($0.prefix(256)) }
        let fields = storable(fields)
        let time = now()
        return state.withLock { state in
            state.last += 1
            let record = JournalRecord(
                sequence: state.last,
                time: time,
                event: event,
                model: model,
                fields: fields
            )
            // Twice the room, so that the front is cleared away once in a thousand times.
            state.recent.append(record)
            if state.recent.count >= 2 * Self.memoryCount {
                state.recent.removeFirst(state.recent.count - Self.memoryCount)
            }
            guard isOnDisk, state.pending < Self.maximumPending else {
                if isOnDisk { state.lostCount += 1 }
                completion?(false)
                return record.sequence
            }
            state.pending += 1
            // Queued under the lock, so that the disk sees the numbers in their order.
            enqueue(record, syncs: syncs, completion)
            return record.sequence
        }
    }

    private func enqueue(
        _ record: JournalRecord,
        syncs: Bool,
        _ completion: (@Sendable (Bool) -> Void)?
    ) {
        queue.async { [self] in
            let isWritten = writer.write(record, syncs: syncs)
            state.withLock { state in
                state.pending -= 1
                state.isInMemory = !isWritten
                if !isWritten { state.lostCount += 1 }
            }
            completion?(isWritten)
        }
    }

    /// The fields without secrets, as an object that can be read back and is not too long.
    private func storable(_ fields: JSONValue) -> JSONValue {
        let clean = fields.asObject == nil ? ["value": redacted(fields)] : redacted(fields)
        let text = clean.encoded()
        guard text.count <= maximumFields else {
            return ["shortened_from_bytes": .number(text.count)]
        }
        guard (try? parseJSON(text)) == clean else {
            return ["text": .string(String(decoding: text, as: UTF8.self))]
        }
        return clean
    }
}

/// One yes or no that a thread waits for.
private final class Answer: Sendable {
    private let value = Guarded(false)
    private let given = DispatchSemaphore(value: 0)

    func give(_ answer: Bool) {
        value.withLock { $0 = answer }
        given.signal()
    }

    func wait() -> Bool {
        given.wait()
        return value.withLock { $0 }
    }
}
