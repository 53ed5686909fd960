// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// Registers what every Prometheus client tells of its process, read from `/proc` at each scrape.
///
/// A measure that cannot be read is not changed.
package func registerProcessMetrics(in registry: MetricsRegistry) {
    let resident = registry.gauge(
        "process_resident_memory_bytes",
        "Resident memory size in bytes."
    ).with()
    let virtual = registry.gauge(
        "process_virtual_memory_bytes",
        "Virtual memory size in bytes."
    ).with()
    let descriptors = registry.gauge(
        "process_open_fds",
        "Number of open file descriptors."
    ).with()
    let start = registry.gauge(
        "process_start_time_seconds",
        "Start time of the process since the Unix epoch in seconds."
    ).with()
    let processor = registry.observedCounter(
        "process_cpu_seconds_total",
        "Total user and system CPU time spent in seconds."
    ).with()
    let threads = registry.gauge("process_threads", "Number of threads of the process.").with()

    registry.onScrape {
        if let bytes = residentByteCount() { resident.set(Double(bytes)) }
        // The folder is open itself while it is listed.
        if let names = try? listDirectory("/proc/self/fd") {
            descriptors.set(Double(max(0, names.count - 1)))
        }
        guard let statistics = ProcessStatistics.read() else { return }
        virtual.set(Double(statistics.virtualByteCount))
        processor.set(Double(statistics.processorTicks) / ProcessStatistics.ticksPerSecond)
        threads.set(Double(statistics.threadCount))
        if let boot = bootSeconds() {
            start.set(boot + Double(statistics.startTicks) / ProcessStatistics.ticksPerSecond)
        }
    }
}

/// The fields of `/proc/self/stat` that are told (proc(5)).
struct ProcessStatistics: Equatable {
    /// `USER_HZ`, which is 100 wherever Linux runs Swift.
    static let ticksPerSecond = 100.0

    var processorTicks: UInt64
    var threadCount: UInt64
    /// Since the machine started.
    var startTicks: UInt64
    var virtualByteCount: UInt64

    static func read() -> ProcessStatistics? {
        guard let bytes = try? readPseudoFile(path: "/proc/self/stat") else { return nil }
        return ProcessStatistics(String(decoding: bytes, as: UTF8.self))
    }

    /// The second field, the program's name in parentheses, may hold anything, so counting starts
    /// behind the last parenthesis, with field 3.
    init?(_ text: String) {
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 20, let user = UInt64(fields[11]), let system = UInt64(fields[12]),
            let threads = UInt64(fields[17]), let start = UInt64(fields[19]),
            let virtual = UInt64(fields[20])
        else { return nil }
        processorTicks = user &+ system
        threadCount = threads
        startTicks = start
        virtualByteCount = virtual
    }
}

/// When the machine started, in seconds since the Unix epoch.
private func bootSeconds() -> Double? {
    guard let bytes = try? readPseudoFile(path: "/proc/stat", limit: 1 << 20) else { return nil }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("btime ") {
        return Double(line.dropFirst(6))
    }
    return nil
}
