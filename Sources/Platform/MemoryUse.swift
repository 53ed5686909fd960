// SPDX-License-Identifier: Apache-2.0
private import CLinux
private import Glibc

/// Bounds what the allocator keeps for itself, so that resident memory follows from use.
///
/// One arena a thread, glibc's default, lets memory that is free in one thread be asked for anew in
/// another. To be called before the first thread starts.
package func boundAllocator(arenas: Int) { linux_bound_allocator(Int32(clamping: arenas)) }

/// The bytes of this process that are in memory now; nil where `/proc` does not say.
package func residentByteCount() -> Int? {
    guard let text = try? readPseudoFile(path: "/proc/self/statm", limit: 256) else { return nil }
    let fields = text.split(separator: UInt8(ascii: " "))
    guard fields.count > 1, let pages = decimalNumber(fields[1]) else { return nil }
    return pages * pageByteCount
}

/// The most memory that the control group lets this process use; nil where nothing limits it.
///
/// Both hierarchies are asked, from the process's own group up to the root, and the least counts.
package func memoryLimitByteCount(root: String = "") -> Int? {
    guard let text = try? readPseudoFile(path: "\(root)/proc/self/cgroup") else { return nil }
    var least: Int?
    for line in text.split(separator: UInt8(ascii: "\n")) {
        let parts = line.split(
            separator: UInt8(ascii: ":"),
            maxSplits: 2,
            omittingEmptySubsequences: false
        )
        guard parts.count == 3 else { continue }
        let group = String(decoding: parts[2], as: UTF8.self)
        let controllers = parts[1].split(separator: UInt8(ascii: ",")).map {
            String(decoding: $0, as: UTF8.self)
        }
        if controllers.contains("memory") {
            least = smaller(
                least,
                limit(under: "\(root)/sys/fs/cgroup/memory", group, file: "memory.limit_in_bytes")
            )
        } else if controllers.isEmpty {
            least = smaller(least, limit(under: "\(root)/sys/fs/cgroup", group, file: "memory.max"))
        }
    }
    return least
}

/// The least limit in `file` of a group and all above it; a container sees only its own root.
private func limit(under root: String, _ group: String, file: String) -> Int? {
    var least: Int?
    var path = group == "/" ? "" : group
    while true {
        if let text = try? readPseudoFile(path: "\(root)\(path)/\(file)", limit: 64),
            let value = decimalNumber(text.prefix { $0 != UInt8(ascii: "\n") }),
            value < 1 << 60
        {
            least = smaller(least, value)
        }
        guard !path.isEmpty else { return least }
        let parent = parentDirectory(of: path)
        path = parent == "/" || parent == "." ? "" : parent
    }
}

/// The machine's memory, of which swap is no part; nil where `/proc` does not say.
///
/// A container sees the whole machine's, whatever its own limit is.
package func machineMemoryByteCount(root: String = "") -> Int? {
    guard let text = try? readPseudoFile(path: "\(root)/proc/meminfo") else { return nil }
    for line in text.split(separator: UInt8(ascii: "\n")) {
        let words = line.split(separator: UInt8(ascii: " "))
        guard let name = words.first, name.elementsEqual("MemTotal:".utf8) else { continue }
        guard words.count == 3, words[2].elementsEqual("kB".utf8),
            let kibibytes = decimalNumber(words[1]), kibibytes > 0
        else { return nil }
        let (bytes, overflow) = kibibytes.multipliedReportingOverflow(by: 1024)
        return overflow ? nil : bytes
    }
    return nil
}

private func smaller(_ one: Int?, _ other: Int?) -> Int? {
    guard let one, let other else { return one ?? other }
    return min(one, other)
}

/// The number that the digits are; nil for anything else and for what does not fit.
private func decimalNumber(_ digits: ArraySlice<UInt8>) -> Int? {
    guard !digits.isEmpty else { return nil }
    return Int(String(decoding: digits, as: UTF8.self))
}

/// The processors that the control group grants, rounded up, or all this process may run on.
package func grantedProcessorCount() -> Int {
    guard let text = try? readPseudoFile(path: "/sys/fs/cgroup/cpu.max", limit: 64) else {
        return processorCount
    }
    let fields = text.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
    guard fields.count == 2, let quota = decimalNumber(fields[0]),
        let period = decimalNumber(fields[1]), quota > 0, period > 0
    else { return processorCount }
    return max(1, min(processorCount, (quota + period - 1) / period))
}
