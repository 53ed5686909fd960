// SPDX-License-Identifier: Apache-2.0
private import Glibc
internal import Platform

/// The journal's hand on the disk.
///
/// `@unchecked Sendable`: made before the journal's queue has work, and from then on touched only
/// on that serial queue.
final class JournalWriter: @unchecked Sendable {
    private var files: JournalFiles?
    private let folder: String?
    private let maximumByteCount: Int
    private let block: UInt64
    private let onTrouble: @Sendable (String) -> Void
    /// No number up to this one is given again after a restart.
    private var reserved: UInt64 = 0
    private var isFailing = false
    private var isClosed = false
    private var failedCount: UInt64 = 0

    var hasDisk: Bool { files != nil }

    init(
        folder: String?,
        maximumByteCount: Int,
        block: UInt64,
        latest: Int,
        onTrouble: @escaping @Sendable (String) -> Void,
        found: inout JournalFiles.Found
    ) {
        self.folder = folder
        self.maximumByteCount = maximumByteCount
        self.block = block
        self.onTrouble = onTrouble
        guard let folder else { return }
        do throws(SystemError) {
            let opened = try JournalFiles(
                folder: folder,
                maximumByteCount: maximumByteCount,
                latest: latest,
                found: &found
            )
            try opened.reserve(found.reserved + block)
            reserved = found.reserved + block
            files = consume opened
        } catch {
            fail(error)
        }
    }

    /// Writes a record; where the disk failed before, tries it again.
    ///
    /// - Returns: whether the disk has it.
    func write(_ record: JournalRecord, syncs: Bool) -> Bool {
        let sequence = record.sequence
        guard let folder, !isClosed else { return false }
        do throws(SystemError) {
            if files?.isDisplaced ?? false {
                files = nil
                onTrouble(
                    "the journal's file is gone from \(folder), which was removed, replaced or unmounted; "
                        + "it goes on in a new one"
                )
            }
            if files == nil {
                var found = JournalFiles.Found()
                files = try JournalFiles(
                    folder: folder,
                    maximumByteCount: maximumByteCount,
                    latest: 0,
                    found: &found
                )
                // Numbers that were given meanwhile must not lie below those on the disk.
                reserved = 0
            }
            // Half a block ahead, so that there is some left when the disk fails.
            if sequence + block / 2 > reserved {
                try files?.reserve(sequence + block)
                reserved = sequence + block
            }
            try files?.append(record.line, syncs: syncs)
        } catch {
            fail(error)
            return false
        }
        if isFailing {
            isFailing = false
            onTrouble("the journal is on disk again; \(failedCount) records are not")
            failedCount = 0
        }
        return true
    }

    /// Leaves no gap in the numbers for the next start, and the folder to others.
    func close(last: UInt64) {
        isClosed = true
        if !isFailing {
            try? files?.sync()
            try? files?.reserve(last)
        }
        files = nil
    }

    private func fail(_ error: SystemError) {
        failedCount += 1
        guard !isFailing else { return }
        isFailing = true
        onTrouble(
            "the journal goes on in memory: \(error); make room, or move away what is in its place, and it "
                + "goes back to the disk by itself"
        )
    }
}
