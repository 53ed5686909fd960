// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// The journal's files in its folder.
///
/// `journal.jsonl` grows; when it is half of what is allowed it becomes `journal.1.jsonl`, in place
/// of the one before. `journal.sequence` holds a number that no record's has reached, so that a
/// record that was cut off, or never reached the disk, does not give its number to another.
struct JournalFiles: ~Copyable {
    /// What opening found.
    struct Found {
        /// The latest, oldest first.
        var records: [JournalRecord] = []
        /// Bytes behind the last good record, which are cut off.
        var cutByteCount = 0
        /// Lines between good records that are not to be believed; they stay where they are.
        var damagedCount = 0
        /// Below the next number; every number that may ever have been given is at most this.
        var reserved: UInt64 = 0
    }

    private let folder: String
    private let halfByteCount: Int
    private let lock: LockFile
    private var file: AppendingFile
    private var byteCount: Int
    /// Whether a failed write may have left a part of a line at the end.
    private var hasTornEnd = false

    private var current: String { "\(folder)/journal.jsonl" }
    private var former: String { "\(folder)/journal.1.jsonl" }
    private var sequence: String { "\(folder)/journal.sequence" }

    /// Opens the folder's journal, or begins one, and cuts off what is behind the last good record.
    ///
    /// - Parameters:
    ///   - folder: made when it is not there.
    ///   - maximumByteCount: of both files together.
    ///   - latest: how many records are read.
    ///   - found: what was read.
    /// - Throws: what the kernel refused.
    init(
        folder: String,
        maximumByteCount: Int,
        latest: Int,
        found: inout Found
    ) throws(SystemError) {
        // Read first: what is there can be told even when nothing can be written.
        let end = try Self.read(
            folder,
            maximumByteCount: maximumByteCount,
            latest: latest,
            into: &found
        )
        try makeDirectory(folder, mode: 0o700)
        let lock = try LockFile(path: "\(folder)/journal.lock")
        let file = try AppendingFile(path: "\(folder)/journal.jsonl")
        if found.cutByteCount > 0 { try file.truncate(to: end) }
        try syncDirectory(folder)
        self.folder = folder
        self.lock = lock
        self.file = file
        halfByteCount = maximumByteCount / 2
        byteCount = end
    }

    /// Reads both files and the reserved number, without a lock and without writing.
    ///
    /// Every line is checked, which is quick; only the latest are made records, which is not.
    ///
    /// - Returns: where the last good record of the growing file ends.
    @discardableResult
    static func read(
        _ folder: String,
        maximumByteCount: Int,
        latest: Int,
        into found: inout Found
    ) throws(SystemError) -> Int {
        // A lower limit may have been set since; whatever is there is read.
        let limit = max(maximumByteCount, 1 << 26)
        let old = try readIfThere("\(folder)/journal.1.jsonl", limit: limit)
        let former = GoodLines(of: old, above: 0)
        let new = try readIfThere("\(folder)/journal.jsonl", limit: limit)
        let current = GoodLines(of: new, above: former.last)
        let fromCurrent = current.lines.suffix(latest)
        let lines =
            former.lines.suffix(latest - fromCurrent.count).map { old[$0] }
            + fromCurrent.map { new[$0] }
        found.records = lines.compactMap(JournalRecord.init)
        found.damagedCount =
            former.damagedCount + current.damagedCount + lines.count - found.records.count
        found.cutByteCount = new.count - current.end

        let counted = try readIfThere("\(folder)/journal.sequence", limit: 64)
        let digits = String(String(decoding: counted, as: UTF8.self).prefix { $0.isNumber })
        // Without that file, what is cut off counts as one record.
        let last = current.last + (found.cutByteCount > 0 ? 1 : 0)
        found.reserved = max(JournalRecord.believable(digits) ?? 0, last)
        return current.end
    }

    /// Sees to it that no number up to `number` is given again, whatever happens.
    func reserve(_ number: UInt64) throws(SystemError) {
        let text = Array("\(number)\n".utf8)
        try writeFileAtomically(text.span, to: sequence)
    }

    /// Whether what is appended can no longer be found: the folder was removed, replaced or unmounted.
    ///
    /// Under the former name it lies where making the next file failed.
    var isDisplaced: Bool {
        file.isDisplaced(from: current) && file.isDisplaced(from: former)
    }

    /// Adds a record's line; makes room first where it is needed.
    ///
    /// - Parameters:
    ///   - line: with its end.
    ///   - syncs: whether to wait until the disk has it.
    /// - Throws: what the kernel refused; nothing of the line will be believed then.
    mutating func append(_ line: [UInt8], syncs: Bool) throws(SystemError) {
        if hasTornEnd {
            try file.truncate(to: byteCount)
            hasTornEnd = false
        }
        if byteCount > 0, byteCount + line.count > halfByteCount {
            try file.sync()
            // Gone already where the step after it failed the last time.
            if fileExists(current) { try renameFile(current, to: former) }
            file = try AppendingFile(path: current)
            byteCount = 0
            try syncDirectory(folder)
        }
        do throws(SystemError) {
            try file.append(line.span)
            if syncs { try file.sync() }
            byteCount += line.count
        } catch {
            hasTornEnd = true
            throw error
        }
    }

    func sync() throws(SystemError) { try file.sync() }

    private static func readIfThere(
        _ path: String,
        limit: Int
    ) throws(SystemError) -> [UInt8] {
        guard fileExists(path) else { return [] }
        return try readFile(path: path, limit: limit)
    }

    /// Where the good records of a file lie.
    ///
    /// One is good when its checksum is right and its number is above those before it.
    private struct GoodLines {
        var lines: [Range<Int>] = []
        /// Where the last of them ends.
        var end = 0
        /// Its number, or where there is none what came before the file.
        var last: UInt64
        /// Other lines between them.
        var damagedCount = 0

        init(of bytes: [UInt8], above sequence: UInt64) {
            last = sequence
            var start = 0
            var damagedSinceEnd = 0
            while let newline = bytes[start...].firstIndex(of: 0x0A) {
                let line = start..<newline
                start = newline + 1
                if let number = JournalRecord.sequence(ofLine: bytes[line]), number > last {
                    lines.append(line)
                    last = number
                    damagedCount += damagedSinceEnd
                    damagedSinceEnd = 0
                    end = start
                } else {
                    damagedSinceEnd += 1
                }
            }
        }
    }
}
