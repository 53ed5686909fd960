// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform
import Telemetry
import Testing

@Suite struct JournalTests {
    /// Runs `body` with an empty folder and removes it.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-journal-")
        defer { remove(folder) }
        try body(folder)
    }

    private func remove(_ folder: String) {
        for name in (try? listDirectory(folder)) ?? [] { try? removeFile("\(folder)/\(name)") }
        try? removeDirectory(folder)
    }

    private func bytes(_ path: String) throws -> [UInt8] {
        try readFile(path: path, limit: 1 << 24)
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        try writeFileAtomically(bytes.span, to: path)
    }

    /// Fills `folder` with a journal as a kill leaves it: not closed, copied while it is open.
    private func fill(_ folder: String, with count: Int) throws -> [JournalRecord] {
        let origin = try makeTemporaryDirectory(prefix: "serin-journal-")
        defer { remove(origin) }
        let journal = Journal(folder: origin)
        for index in 1...count { journal.append("loaded", fields: ["index": .number(index)]) }
        #expect(journal.appendDurably("ready").isOnDisk)
        for name in try listDirectory(origin) where name != "journal.lock" {
            try write(try bytes("\(origin)/\(name)"), to: "\(folder)/\(name)")
        }
        journal.close()
        return journal.events(since: 0)
    }

    @Test func `what was appended is there after a kill`() throws {
        try withFolder { folder in
            let records = try fill(folder, with: 2)
            #expect(records.map(\.sequence) == [1, 2, 3])
            #expect(records.map(\.event) == ["loaded", "loaded", "ready"])
            #expect(records.prefix(2).map { $0.fields["index"]?.asNumber?.int64 } == [1, 2])
            let again = Journal(folder: folder)
            #expect(again.events(since: 0) == records)
            #expect(again.events(since: 2) == Array(records.suffix(1)))
            #expect(again.events(since: 0, limit: 1) == Array(records.prefix(1)))
            #expect(again.events(since: 3).isEmpty)
            #expect(again.append("next") > 3)
            again.close()
            let stored = try Journal.storedEvents(in: folder)
            #expect(stored.count == 4)
        }
    }

    @Test func `a line whose checksum Python's zlib made is a record`() throws {
        let line = #"""
            {"sequence":7,"time":"2025-03-01T12:00:00.250000Z","event":"model.loaded","model":"m",\#
            "fields":{"a":1},"crc32":"04275503"}

            """#
        try withFolder { folder in
            try write(Array(line.utf8), to: "\(folder)/journal.jsonl")
            let record = JournalRecord(
                sequence: 7,
                time: Timestamp(microseconds: 1_740_830_400_250_000),
                event: "model.loaded",
                model: "m",
                fields: ["a": 1]
            )
            let journal = Journal(folder: folder)
            #expect(journal.events(since: 0) == [record])
            #expect(journal.append("next") == 8)
        }
    }

    @Test func `a journal that was closed goes on without a gap`() throws {
        try withFolder { folder in
            for expected in 1...4 as ClosedRange<UInt64> {
                let journal = Journal(folder: folder)
                #expect(journal.append("next") == expected)
                journal.close()
                #expect(!journal.appendDurably("late").isOnDisk)
            }
        }
    }

    @Test func `a record torn at any byte is not believed, nor its number given again`() throws {
        try withFolder { folder in
            let records = try fill(folder, with: 1)
            let path = "\(folder)/journal.jsonl"
            let whole = try bytes(path)
            let counter = try bytes("\(folder)/journal.sequence")
            let start = try #require(whole.dropLast().lastIndex(of: 0x0A)) + 1
            for end in start..<whole.count {
                try write(Array(whole[..<end]), to: path)
                let isCounterLost = end % 8 == 0 && end > start
                if isCounterLost {
                    try removeFile("\(folder)/journal.sequence")
                } else {
                    try write(counter, to: "\(folder)/journal.sequence")
                }
                let journal = Journal(folder: folder)
                let kept = journal.events(since: 0)
                #expect(kept.first == records.first, "cut at \(end)")
                let others = kept.dropFirst().map(\.event)
                #expect(others == (end > start ? ["journal.repaired"] : []), "cut at \(end)")
                #expect(journal.append("next") > 2, "cut at \(end)")
                journal.close()
                let stored = try Journal.storedEvents(in: folder)
                #expect(stored == journal.events(since: 0), "cut at \(end)")
            }
        }
    }

    @Test func `a flipped bit anywhere loses that record and no other`() throws {
        try withFolder { folder in
            let records = try fill(folder, with: 1)
            let path = "\(folder)/journal.jsonl"
            let whole = try bytes(path)
            let lineEnds = whole.indices.filter { whole[$0] == 0x0A }
            for index in whole.indices {
                var damaged = whole
                damaged[index] ^= 1 << UInt8(index % 8)
                try write(damaged, to: path)
                let journal = Journal(folder: folder)
                let kept = journal.events(since: 0).filter { $0.event != "journal.repaired" }
                let line = lineEnds.firstIndex { index <= $0 } ?? 0
                // Without the line end between them two records are one damaged line.
                let lost = index == lineEnds[line] ? [line, line + 1] : [line]
                let wanted = records.indices.filter { !lost.contains($0) }.map { records[$0] }
                #expect(kept == wanted, "byte \(index)")
                let next = journal.append("next")
                #expect(next > 2)
                journal.close()
                let stored = try Journal.storedEvents(in: folder).map(\.sequence)
                #expect(stored == stored.sorted() && Set(stored).count == stored.count)
                #expect(stored.last == next)
            }
        }
    }

    @Test func `of a long journal the latest are kept, and every line is checked`() throws {
        try withFolder { folder in
            let count = Journal.memoryCount + 200
            let journal = Journal(folder: folder, maximumByteCount: 150 * count)
            for index in 0..<count { journal.append("event.\(index)") }
            journal.close()
            let stored = try Journal.storedEvents(in: folder)
            #expect(stored.count == count)
            let former = try bytes("\(folder)/journal.1.jsonl")
            #expect(try former.count > bytes("\(folder)/journal.jsonl").count / 4)

            let again = Journal(folder: folder)
            #expect(again.events(since: 0) == stored.suffix(Journal.memoryCount))
            again.close()

            // Far before what is kept, and told all the same.
            var damaged = former
            damaged[20] ^= 1
            try write(damaged, to: "\(folder)/journal.1.jsonl")
            let told = Journal(folder: folder).events(since: 0).last
            #expect(told?.event == "journal.repaired")
            #expect(told?.fields["damaged_records"] == 1)
        }
    }

    @Test func `garbage in place of any file does not stop it`() throws {
        try withFolder { folder in
            for name in ["journal.jsonl", "journal.1.jsonl", "journal.sequence"] {
                let most = Array("\(UInt64.max)\n".utf8)
                for content in [[], [0x0A], [0xFF, 0xFF, 0xFF], Array("{}\n".utf8), most] {
                    _ = try fill(folder, with: 2)
                    try write(content, to: "\(folder)/\(name)")
                    let journal = Journal(folder: folder)
                    let before = journal.status.lastSequence
                    #expect(!journal.status.isInMemory)
                    #expect(journal.appendDurably("next") == (before + 1, true))
                    journal.close()
                }
            }
        }
    }

    @Test func `files stay within their bytes and numbers go on rising`() throws {
        try withFolder { folder in
            let limit = 8192
            var last: UInt64 = 0
            for _ in 0..<5 {
                let journal = Journal(folder: folder, maximumByteCount: limit)
                for _ in 0..<100 {
                    let sequence = journal.append("event", fields: ["text": "0123456789"])
                    #expect(sequence > last)
                    last = sequence
                }
                journal.close()
                let sizes = try ["journal.jsonl", "journal.1.jsonl"].map { name in
                    try fileStatus(of: "\(folder)/\(name)").byteCount
                }
                #expect(sizes.allSatisfy { $0 <= limit / 2 })
                let stored = try Journal.storedEvents(in: folder)
                #expect(stored.last?.sequence == last)
                #expect(stored.count > 20)
                #expect(
                    zip(stored, stored.dropFirst()).allSatisfy { $0.sequence + 1 == $1.sequence }
                )
            }
        }
    }

    @Test func `memory keeps the latest records and no more`() {
        let journal = Journal(folder: nil)
        var last: UInt64 = 0
        for _ in 0..<5000 { last = journal.append("event") }
        let records = journal.events(since: 0)
        #expect(records.count >= Journal.memoryCount && records.count < 2 * Journal.memoryCount)
        #expect(records.last?.sequence == last)
        #expect(journal.status.lastSequence == last)
        #expect(journal.status.isInMemory && journal.status.lostCount == 0)
        #expect(!journal.appendDurably("event").isOnDisk)
    }

    @Test func `a folder that cannot be has a journal in memory, and one sentence says so`() throws
    {
        try withFolder { folder in
            try write([1], to: "\(folder)/file")
            let collected = Collected(Guarded([]))
            let journal = Journal(
                folder: "\(folder)/file/state",
                onTrouble: { collected.add($0) }
            )
            let one = journal.appendDurably("one")
            let two = journal.appendDurably("two")
            #expect(!one.isOnDisk && !two.isOnDisk && two.sequence > one.sequence)
            #expect(journal.events(since: 0).map(\.event) == ["one", "two"])
            #expect(journal.status.isInMemory && journal.status.lostCount == 2)
            #expect(collected.all.count == 1)
            #expect(
                collected.all.allSatisfy { $0.contains("in memory") && $0.contains("file/state") }
            )
            // A restart that finds nothing gives other numbers.
            #expect(Journal(folder: "\(folder)/file/state").append("three") > two.sequence)
        }
    }

    @Test func `it goes back to the disk when that works again`() throws {
        try withFolder { folder in
            try write([1], to: "\(folder)/state")
            let collected = Collected(Guarded([]))
            let journal = Journal(folder: "\(folder)/state", onTrouble: { collected.add($0) })
            #expect(!journal.appendDurably("lost").isOnDisk)
            try removeFile("\(folder)/state")
            let back = journal.appendDurably("kept")
            #expect(back.isOnDisk)
            #expect(!journal.status.isInMemory)
            #expect(journal.status.lostCount == 1)
            #expect(collected.all.count == 2)
            #expect(try Journal.storedEvents(in: "\(folder)/state").map(\.event) == ["kept"])
            journal.close()
            let again = Journal(folder: "\(folder)/state")
            let next = again.append("next")
            #expect(next == back.sequence + 1)
            again.close()
            remove("\(folder)/state")
        }
    }

    @Test func `it follows its folder, which somebody removed or replaced`() throws {
        try withFolder { folder in
            let collected = Collected(Guarded([]))
            let journal = Journal(folder: "\(folder)/state", onTrouble: { collected.add($0) })
            let one = journal.appendDurably("one")
            #expect(one.isOnDisk)
            try renameFile("\(folder)/state", to: "\(folder)/gone")
            let two = journal.appendDurably("two")
            #expect(two.isOnDisk && two.sequence == one.sequence + 1)
            #expect(try Journal.storedEvents(in: "\(folder)/gone").map(\.event) == ["one"])
            #expect(try Journal.storedEvents(in: "\(folder)/state").map(\.event) == ["two"])
            #expect(collected.all.count == 1)
            #expect(
                collected.all.allSatisfy { $0.contains("gone from") && $0.contains("/state") }
            )
            journal.close()
            for name in ["state", "gone"] { try removeDirectory("\(folder)/\(name)") }
        }
    }

    @Test func `a folder that another journal holds is left alone`() throws {
        try withFolder { folder in
            let one = Journal(folder: folder)
            #expect(one.appendDurably("one").isOnDisk)
            let other = Journal(folder: folder)
            #expect(other.status.isInMemory)
            #expect(!other.appendDurably("other").isOnDisk)
            #expect(one.appendDurably("two").isOnDisk)
            let stored = try Journal.storedEvents(in: folder)
            #expect(stored.map(\.event) == ["one", "two"])
        }
    }

    @Test func `odd fields are stored so that they can be read back`() throws {
        try withFolder { folder in
            let journal = Journal(folder: folder)
            let twice = JSONValue.object([
                JSONMember(name: "a", value: 1), JSONMember(name: "a", value: 2),
            ])
            journal.append("twice", fields: twice)
            journal.append("list", fields: [1, "a\nb"])
            journal.append(
                "long",
                fields: ["text": .string(String(repeating: "x", count: 1 << 20))]
            )
            journal.append("secret", fields: ["token": "s3cr3t"])
            journal.append(String(repeating: "name", count: 1000), model: "\"\n\u{0}")
            var deep = JSONValue.null
            for _ in 0..<100 { deep = ["a": deep] }
            journal.append("deep", fields: deep)
            journal.close()
            let stored = try Journal.storedEvents(in: folder)
            #expect(stored == journal.events(since: 0))
            #expect(stored.count == 6)
            #expect(stored.map(\.fields)[2] == ["shortened_from_bytes": 1_048_587])
            #expect(stored.map(\.fields)[3] == ["token": "[redacted]"])
            #expect(stored.map(\.model)[4] == "\"\n\u{0}")
            let text = String(decoding: try bytes("\(folder)/journal.jsonl"), as: UTF8.self)
            #expect(!text.contains("s3cr3t"))
        }
    }

    @Test func `records from many threads are whole and in order`() async throws {
        let folder = try makeTemporaryDirectory(prefix: "serin-journal-")
        defer { remove(folder) }
        let journal = Journal(folder: folder)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for index in 0..<200 {
                        journal.append(
                            "event",
                            fields: ["task": .number(task), "index": .number(index)]
                        )
                    }
                }
            }
        }
        journal.close()
        let stored = try Journal.storedEvents(in: folder)
        #expect(stored.map(\.sequence) == Array(1...800))
        #expect(stored == journal.events(since: 0))
    }
}

private final class Collected: Sendable {
    private let sentences: Guarded<[String]>
    init(_ sentences: consuming Guarded<[String]>) { self.sentences = sentences }
    func add(_ sentence: String) { sentences.withLock { $0.append(sentence) } }
    var all: [String] { sentences.withLock { $0 } }
}
