// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// Reads a whole regular file of at most `limit` bytes into memory of our own.
///
/// - Throws: `EFBIG` for a longer file, `EINVAL` for anything but a regular file.
package func readFile(path: String, limit: Int) throws(SystemError) -> [UInt8] {
    try readFileWithStatus(path: path, limit: limit).bytes
}

/// The same, with what the kernel knows of the very file that was read.
package func readFileWithStatus(
    path: String,
    limit: Int
) throws(SystemError) -> (bytes: [UInt8], status: FileStatus) {
    let file = try Descriptor.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    let status = try file.status(of: path)
    guard status.kind == .regular else {
        throw SystemError(call: "read", errno: EINVAL, subject: "\(path) (not a regular file)")
    }
    // One byte more than the size shows a file that grows while it is read.
    var bytes = [UInt8](repeating: 0, count: min(max(status.byteCount, 0), max(limit, 0)) + 1)
    var filled = 0
    while true {
        let count = try file.read(into: &bytes, from: filled, at: filled, path: path)
        if count == 0 { break }
        filled += count
        guard filled <= limit else {
            throw SystemError(
                call: "read",
                errno: EFBIG,
                subject: "\(path) (longer than \(limit) bytes)"
            )
        }
        if filled == bytes.count {
            bytes.append(contentsOf: repeatElement(0, count: min(filled, limit - filled + 1)))
        }
    }
    bytes.removeLast(bytes.count - filled)
    return (bytes, status)
}

/// Reads a small file that the kernel makes up on reading, such as those under `/proc`.
package func readPseudoFile(path: String, limit: Int = 65536) throws(SystemError) -> [UInt8] {
    let file = try Descriptor.open(path, O_RDONLY | O_CLOEXEC)
    // How much there is shows only at its end, and memory for all that there may be takes its time.
    var bytes = [UInt8](repeating: 0, count: min(limit, 16 << 10))
    var filled = 0
    while filled < limit {
        if filled == bytes.count {
            bytes.append(contentsOf: repeatElement(0, count: min(filled, limit - filled)))
        }
        let count = try file.read(into: &bytes, from: filled, at: filled, path: path)
        if count == 0 { break }
        filled += count
    }
    bytes.removeLast(bytes.count - filled)
    return bytes
}

/// Reads what may come from a pipe, piece by piece, so that memory follows from what is there.
///
/// - Parameters:
///   - path: a file or pipe; `-` is standard input.
///   - limit: the most bytes; what is longer is refused with `EFBIG`.
/// - Returns: all of it.
/// - Throws: `SystemError`, with the call that failed.
package func readStream(path: String, limit: Int) throws(SystemError) -> [UInt8] {
    guard path != "-" else { return try readAll(from: STDIN_FILENO, "standard input", limit) }
    let file = try Descriptor.open(path, O_RDONLY | O_CLOEXEC)
    return try readAll(from: file.number, path, limit)
}

private func readAll(
    from number: Int32,
    _ path: String,
    _ limit: Int
) throws(SystemError) -> [UInt8] {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = unsafe piece.withUnsafeMutableBytes { buffer in
            repeatingInterrupted { unsafe read(number, buffer.baseAddress, buffer.count) }
        }
        guard count >= 0 else { throw .last("read", path) }
        guard count > 0 else { return bytes }
        guard bytes.count + count <= limit else {
            throw SystemError(call: "read", errno: EFBIG, subject: path)
        }
        bytes += piece[..<count]
    }
}

extension Descriptor {
    /// Reads at `offset` of the file into `bytes` from index `start` on.
    ///
    /// - Returns: how many bytes came; 0 at the end of the file.
    package borrowing func read(
        into bytes: inout [UInt8],
        from start: Int,
        at offset: Int,
        path: String
    ) throws(SystemError) -> Int {
        let number = number
        precondition(start >= 0 && start <= bytes.count, "reading behind the buffer")
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[start...])
            return repeatingInterrupted {
                unsafe pread(number, rest.baseAddress, rest.count, off_t(offset))
            }
        }
        guard count >= 0 else { throw .last("read", path) }
        return count
    }
}
