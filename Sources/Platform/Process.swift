// SPDX-License-Identifier: Apache-2.0
private import CLinux
private import Glibc

/// This process's number.
package var processIdentifier: Int32 { getpid() }

/// The user as whom this process opens files.
package var effectiveUser: UInt32 { geteuid() }

/// The machine's name, or the pod's.
package let hostName: String = {
    var name = [CChar](repeating: 0, count: 256)
    guard unsafe gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}()

/// The processors that this process may run on.
package let processorCount = max(1, Int(linux_usable_cpu_count()))

/// A variable of the environment.
package func environmentValue(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
}

/// All variables of the environment, as of now.
package func environmentValues() -> [String: String] {
    guard let text = try? readPseudoFile(path: "/proc/self/environ", limit: 4 << 20) else {
        return [:]
    }
    var values: [String: String] = [:]
    for entry in text.split(separator: 0) {
        guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
        values[String(decoding: entry[..<equals], as: UTF8.self)] =
            String(decoding: entry[(equals + 1)...], as: UTF8.self)
    }
    return values
}

/// Ends the process at once with a status for whoever started it.
package func exitProcess(_ status: Int32) -> Never { exit(status) }

/// Fills bytes from the kernel's random source.
package func randomBytes(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
        let got = unsafe bytes.withUnsafeMutableBytes { buffer in
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            return repeatingInterrupted { unsafe getrandom(rest.baseAddress, rest.count, 0) }
        }
        precondition(got > 0, "the kernel gives no random bytes: errno \(errno)")
        filled += got
    }
    return bytes
}

/// Names the calling thread for `ps` and debuggers; the kernel keeps the first 15 bytes.
package func nameThread(_ name: String) { _ = unsafe linux_name_thread(name) }
