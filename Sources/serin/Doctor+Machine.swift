// SPDX-License-Identifier: Apache-2.0
import JSON
import Platform
import Serving

/// What the machine gives: processors, instructions, memory.
func machineFindings() -> [Finding] {
    [processorFinding(), instructionFinding(), memoryFinding()]
}

private func processorFinding() -> Finding {
    let granted = grantedProcessorCount()
    let found =
        granted < processorCount
        ? "\(granted) granted of \(processorCount) by the container" : "\(granted)"
    return .ok("processors", found)
}

/// The kernels choose by these at run time; without them they still answer right, only slower.
private func instructionFinding() -> Finding {
    guard let bytes = try? readPseudoFile(path: "/proc/cpuinfo", limit: 1 << 20) else {
        return .warn("instructions", "/proc/cpuinfo cannot be read", "mount /proc")
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let line = text.split(separator: "\n").first {
        $0.hasPrefix("flags") || $0.hasPrefix("Features")
    }
    let flags = Set((line ?? "").split { $0 == " " || $0 == "\t" || $0 == ":" })
    let known = ["avx2", "fma", "avx512f", "avx512_vnni", "asimd", "sve"].filter {
        flags.contains(Substring($0))
    }
    guard flags.contains("avx2") || flags.contains("asimd") else {
        return .warn(
            "instructions",
            known.isEmpty ? "no wide ones" : known.joined(separator: ", "),
            "inference is slower here; a machine with AVX2 or NEON is faster"
        )
    }
    return .ok("instructions", known.joined(separator: ", "))
}

private func memoryFinding() -> Finding {
    let machine = machineMemoryByteCount()
    if let limit = memoryLimitByteCount(), limit < machine ?? .max {
        return .ok("memory", "\(roundedBytes(limit)), the container's limit")
    }
    guard let machine else {
        return .warn("memory", "/proc/meminfo cannot be read", "mount /proc, or set memory_limit")
    }
    return .ok("memory", "\(roundedBytes(machine)), the machine's; no container limits it")
}

/// What the settings ask of the machine.
func capacityFindings(_ settings: Settings) -> [Finding] {
    var findings: [Finding] = []
    // Listeners, epoll, files and the journal beside the connections.
    let needed = settings.limits.connections + 64
    if let limit = descriptorLimit() {
        findings.append(
            limit < needed
                ? .fail(
                    "descriptors",
                    "\(limit) allowed, limits.connections needs \(needed)",
                    "raise the limit (ulimit -n, LimitNOFILE) or lower limits.connections"
                )
                : .ok("descriptors", "\(limit) allowed, \(needed) needed")
        )
    }
    let available = MemoryBound(
        configured: nil,
        cgroup: memoryLimitByteCount(),
        machine: machineMemoryByteCount()
    )
    if let limit = settings.memoryLimit, let available, limit > available.byteCount {
        findings.append(
            .fail(
                "memory_limit",
                "\(byteSizeText(limit)) are more than \(available)",
                "lower memory_limit, or leave it null"
            )
        )
    }
    return findings
}

/// How many descriptors this process may have, by its soft limit.
private func descriptorLimit() -> Int? {
    guard let bytes = try? readPseudoFile(path: "/proc/self/limits") else { return nil }
    let text = String(decoding: bytes, as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix("Max open files") }
    let fields = line?.split(separator: " ") ?? []
    guard fields.count > 3 else { return nil }
    return fields[3] == "unlimited" ? Int.max : Int(fields[3])
}
