// SPDX-License-Identifier: Apache-2.0
import CLinux
import Glibc
import Testing

@testable import Platform

@Suite final class FileTests {
    let folder: String

    init() throws { folder = try makeTemporaryDirectory(prefix: "serin-platform-") }

    deinit { try? removeDirectory(folder) }

    @Test func `what is written is what is read, with the mode and no leftovers`() throws {
        let path = "\(folder)/a/b/file"
        try makeDirectory("\(folder)/a/b")
        try makeDirectory("\(folder)/a/b")
        let bytes = randomBytes(100_000)
        try writeFileAtomically(bytes.span, to: path, mode: 0o600)
        #expect(try readFile(path: path, limit: 100_000) == bytes)
        #expect(try fileStatus(of: path).permissions == 0o600)
        #expect(try listDirectory("\(folder)/a/b") == ["file"])
        try writeFileAtomically([1, 2].span, to: path)
        #expect(try readFile(path: path, limit: 2) == [1, 2])
    }

    @Test func `a file over the limit is refused with its path`() throws {
        let path = "\(folder)/long"
        try writeFileAtomically([1, 2, 3].span, to: path)
        let error = #expect(throws: SystemError.self) { _ = try readFile(path: path, limit: 2) }
        #expect(error?.errno == EFBIG)
        #expect(error?.description.contains(path) == true)
    }

    @Test func `a mapping shows the file, also an empty one, and a folder is refused`() throws {
        let path = "\(folder)/mapped"
        try writeFileAtomically([5, 6, 7].span, to: path)
        let mapped = try MappedFile(path: path)
        #expect(mapped.withBytes { [$0[0], $0[1], $0[2]] } == [5, 6, 7])
        let file = try Descriptor.open(path, O_WRONLY)
        try writeAll([9].span, to: file.number)
        #expect(mapped.withBytes { $0[0] } == 9)
        try writeFileAtomically([UInt8]().span, to: "\(folder)/empty")
        #expect(try MappedFile(path: "\(folder)/empty").withBytes { $0.count } == 0)
        #expect(throws: SystemError.self) { _ = try MappedFile(path: self.folder) }
    }

    @Test func `a mapping knows when its file was written to`() throws {
        let path = "\(folder)/touched"
        try writeFileAtomically([5, 6, 7].span, to: path)
        let mapped = try MappedFile(path: path)
        #expect(mapped.isUntouched)
        let file = try Descriptor.open(path, O_WRONLY)
        try writeAll([5].span, to: file.number)
        #expect(!mapped.isUntouched, "the same bytes again are a write too")
        let again = try MappedFile(path: path)
        try writeFileAtomically([1, 2, 3].span, to: path)
        #expect(!again.isUntouched, "replaced")
    }

    /// A mapping of four pages of ones, of which `byteCount` bytes are left.
    private func cutMapping(to byteCount: Int, named name: String = "cut") throws -> MappedFile {
        let path = "\(folder)/\(name)"
        let bytes = [UInt8](repeating: 1, count: 4 * pageByteCount)
        try writeFileAtomically(bytes.span, to: path)
        let mapped = try MappedFile(path: path)
        #expect(unsafe truncate(path, byteCount) == 0)
        return mapped
    }

    private static func sum(_ file: MappedFile, _ places: Range<Int>) -> Int {
        file.withBytes { bytes in places.reduce(0) { $0 + Int(bytes[$1]) } }
    }

    @Test func `what a mapped file has lost reads as zeros and is known`() throws {
        let whole = try MappedFile(path: "/proc/self/exe")
        let page = pageByteCount
        let mapped = try cutMapping(to: page + 5)
        #expect(!mapped.isDamaged && !mapped.isUntouched)
        #expect(Self.sum(mapped, 0..<(2 * page)) == page + 5, "within a page the kernel puts zeros")
        #expect(!mapped.isDamaged)
        #expect(Self.sum(mapped, (3 * page)..<(4 * page)) == 0)
        #expect(mapped.isDamaged)
        #expect(Self.sum(mapped, 0..<(4 * page)) == page + 5)
        // Cut again, it loses more; what is lost does not come back.
        #expect(unsafe truncate(mapped.path, 0) == 0)
        #expect(Self.sum(mapped, 0..<(4 * page)) == 0)
        try writeFileAtomically([1].span, to: mapped.path)
        #expect(mapped.isDamaged && !mapped.isUntouched)
        #expect(!whole.isDamaged)
        #expect(try !MappedFile(path: mapped.path).isDamaged, "a slot that is used again is clean")
    }

    @Test func `mappings are lost on many threads at once, each by itself`() async throws {
        let page = pageByteCount
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                let mapped = try cutMapping(to: number % 2 * 4 * page, named: "\(number)")
                for _ in 0..<4 {
                    group.addTask {
                        Self.sum(mapped, 0..<(4 * page)) == number % 2 * 4 * page
                            && mapped.isDamaged == (number % 2 == 0)
                    }
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }

    @Test func `a fault in anybody else's mapping ends the process as before`() async {
        await #expect(processExitsWith: .signal(SIGBUS)) {
            let path = try makeTemporaryDirectory(prefix: "serin-platform-") + "/file"
            try writeFileAtomically([1].span, to: path)
            // The handler is there once a file is mapped.
            let other = try MappedFile(path: path)
            let file = try Descriptor.open(path, O_RDONLY)
            let base = unsafe mmap(nil, 1, PROT_READ, MAP_SHARED, file.number, 0)
            try removeDirectory(parentDirectory(of: path))
            #expect(unsafe truncate("/proc/self/fd/\(file.number)", 0) == 0)
            let lost = unsafe base?.load(as: UInt8.self)
            #expect(lost == nil && !other.isDamaged)
        }
    }

    @Test func `more mappings than can be watched are refused, and come back when some end`() async
    {
        await #expect(processExitsWith: .success) {
            var watches: [Int32] = []
            while true {
                let watch = linux_watch_mapping(nil, 0)
                guard watch >= 0 else { break }
                watches.append(watch)
            }
            precondition(watches.count == 4096, "\(watches.count)")
            precondition((try? MappedFile(path: "/proc/self/exe")) == nil, "not refused")
            linux_unwatch_mapping(watches[7])
            precondition((try? MappedFile(path: "/proc/self/exe")) != nil, "refused")
            precondition(linux_watch_mapping(nil, 0) == watches[7], "not given back")
        }
    }

    static let outside = [
        "", "/", "/w", "w/", "a//w", "./w", "../f/w", "a/../w", "link", "folder/w", "a/link", "a",
        "no",
        "a/no", "pipe", "w\0",
    ]

    @Test(arguments: outside)
    func `below a folder no path leads out, by a link or otherwise`(path: String) throws {
        let inside = "\(folder)/f"
        try makeDirectory("\(inside)/a")
        for name in ["f/w", "f/a/w", "w"] {
            try writeFileAtomically([7].span, to: "\(folder)/\(name)")
        }
        #expect(unsafe symlink("../w", "\(inside)/link") == 0)
        #expect(unsafe symlink("../w", "\(inside)/a/link") == 0)
        #expect(unsafe symlink("a", "\(inside)/folder") == 0)
        #expect(unsafe mkfifo("\(inside)/pipe", 0o600) == 0)
        let error = #expect(throws: SystemError.self) {
            _ = try MappedFile(path: path, below: inside)
        }
        if path.contains("link") || path.contains("folder") { #expect(error?.errno == ELOOP) }
        for name in ["w", "a/w"] {
            #expect(try MappedFile(path: name, below: inside).withBytes { $0[0] } == 7)
        }
    }

    @Test func `an error names the call, the path and the reason`() {
        let error = #expect(throws: SystemError.self) {
            _ = try readFile(path: "/no/such/file", limit: 1)
        }
        #expect(
            error?.description == "open /no/such/file: No such file or directory (ENOENT)"
        )
    }

    @Test func `a lock has one holder at a time`() throws {
        let path = "\(folder)/lock"
        do {
            let held = try LockFile(path: path)
            let error = #expect(throws: SystemError.self) { _ = try LockFile(path: path) }
            #expect(error?.errno == EWOULDBLOCK)
            #expect(held.path == path)
        }
        _ = try LockFile(path: path)
    }

    @Test func `a lock is let go although a copy of its descriptor is there`() throws {
        let path = "\(folder)/copied-lock"
        var copies: [Int32] = []
        defer { for copy in copies { close(copy) } }
        do {
            let held = try LockFile(path: path)
            // What a fork copies, by the folder of this process's descriptors.
            for number in Int32(0)..<1024 where copies.isEmpty {
                var buffer = [CChar](repeating: 0, count: 4096)
                let count = unsafe readlink("/proc/self/fd/\(number)", &buffer, buffer.count - 1)
                let text = String(
                    decoding: buffer.prefix(max(0, count)).map(UInt8.init),
                    as: UTF8.self
                )
                if text == path { copies.append(dup(number)) }
            }
            #expect(held.path == path)
        }
        #expect(copies.count == 1)
        _ = try LockFile(path: path)
    }

    @Test func `an appending file grows at its end and can be cut`() throws {
        let file = try AppendingFile(path: "\(folder)/log")
        try file.append([1, 2].span)
        try file.append([3].span)
        try file.sync()
        #expect(try readFile(path: file.path, limit: 10) == [1, 2, 3])
        try file.truncate(to: 1)
        try file.append([4].span)
        #expect(try readFile(path: file.path, limit: 10) == [1, 4])
        #expect(try file.status().byteCount == 2)
    }

    static let parents: [(path: String, parent: String)] = [
        ("/a/b", "/a"), ("/a", "/"), ("/", "/"), ("a", "."), ("a/b/", "a"), ("", "."),
    ]

    @Test(arguments: parents)
    func `the parent stands before the last slash`(path: String, parent: String) {
        #expect(parentDirectory(of: path) == parent)
    }

    static let groups: [(files: [String: String], limit: Int?)] = [
        (["/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "max\n"], nil),
        (
            ["/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/memory.max": "1048576\n"],
            1_048_576
        ),
        (
            [
                "/proc/self/cgroup": "3:cpu,memory:/x\n0::/\n",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "4096\n",
            ], 4096
        ),
        ([:], nil),
    ]

    @Test(arguments: groups)
    func `the least limit of the control groups counts`(
        files: [String: String],
        limit: Int?
    ) throws {
        for (name, text) in files {
            try makeDirectory(parentDirectory(of: folder + name))
            try writeFileAtomically(Array(text.utf8).span, to: folder + name)
        }
        #expect(memoryLimitByteCount(root: folder) == limit)
    }

    static let machines: [(meminfo: String?, byteCount: Int?)] = [
        ("MemTotal:       24684084 kB\nMemFree:        20352444 kB\n", 24_684_084 * 1024),
        ("MemFree: 1 kB\nMemTotal: 1 kB", 1024),
        ("SwapTotal: 5 kB\nHugeMemTotal: 7 kB\n", nil),
        ("MemTotal:\n", nil),
        ("MemTotal: kB\n", nil),
        ("MemTotal: 24684084\n", nil),
        ("MemTotal: 24684084 MB\n", nil),
        ("MemTotal: 0 kB\n", nil),
        ("MemTotal: -5 kB\n", nil),
        ("MemTotal: 1e6 kB\n", nil),
        ("MemTotal: 9007199254740991 kB\n", 9_007_199_254_740_991 * 1024),
        ("MemTotal: 9007199254740992 kB\n", nil),
        ("MemTotal: 99999999999999999999 kB\n", nil),
        ("\u{0}\u{1}\n\n:::", nil),
        ("", nil),
        (nil, nil),
    ]

    @Test(arguments: machines)
    func `the machine's memory is what meminfo says, or not known`(
        meminfo: String?,
        byteCount: Int?
    ) throws {
        if let meminfo {
            try makeDirectory(folder + "/proc")
            try writeFileAtomically(Array(meminfo.utf8).span, to: folder + "/proc/meminfo")
        }
        #expect(machineMemoryByteCount(root: folder) == byteCount)
    }

    @Test func `the process knows itself`() throws {
        #expect(try #require(machineMemoryByteCount()) > 64 << 20)
        #expect(try #require(residentByteCount()) > 1 << 20)
        #expect(processorCount >= 1)
        #expect(grantedProcessorCount() >= 1)
        #expect(!hostName.isEmpty)
        #expect(environmentValues()["PATH"] == environmentValue("PATH"))
        #expect(randomBytes(32) != randomBytes(32))
    }
}
