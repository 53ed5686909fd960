// SPDX-License-Identifier: Apache-2.0
private import Glibc

/// A regular file mapped read-only, for as long as someone holds it.
///
/// The mapping is shared, so a change on disk shows: that is how the integrity check sees it.
/// A file that is cut while it is mapped raises SIGBUS where it was cut, so whoever cannot trust
/// the file's owner reads it with `readFile` instead.
///
/// `@unchecked Sendable`: the pages are read-only and nothing changes after `init`.
///
/// Safety: the pages live until `deinit`, and no span outlives the closure it was lent to.
@safe
package final class MappedFile: @unchecked Sendable {
    package let path: String
    package let byteCount: Int
    private let base: UnsafeMutableRawPointer?

    package init(path: String) throws(SystemError) {
        let file = try Descriptor.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        let status = try file.status(of: path)
        guard status.kind == .regular else {
            throw SystemError(call: "mmap", errno: EINVAL, subject: "\(path) (not a regular file)")
        }
        self.path = path
        byteCount = status.byteCount
        guard status.byteCount > 0 else {
            unsafe base = nil
            return
        }
        let address = unsafe mmap(nil, byteCount, PROT_READ, MAP_SHARED, file.number, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw .last("mmap", path)
        }
        unsafe base = address
    }

    deinit {
        if let base = unsafe base { _ = unsafe munmap(base, byteCount) }
    }

    /// Lends the file's bytes for the run of `body`.
    package func withBytes<Output, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        guard let base = unsafe base else { return try body([UInt8]().span) }
        let start = unsafe UnsafePointer(base.assumingMemoryBound(to: UInt8.self))
        return try body(unsafe Span(_unsafeStart: start, count: byteCount))
    }

    /// The file's bytes for owners that keep views of them, such as a graph's constants.
    ///
    /// Valid as long as this object lives; empty for an empty file.
    @unsafe package var unsafeBytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: base, count: byteCount)
    }
}
