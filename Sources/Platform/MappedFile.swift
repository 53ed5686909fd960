// SPDX-License-Identifier: Apache-2.0
private import CLinux
private import Glibc

/// A regular file mapped read-only, for as long as someone holds it.
///
/// The mapping is shared, so a change on disk shows: that is how the integrity check sees it.
/// A file that is cut while it is mapped, or that the disk cannot read, gives zeros from there on and
/// is damaged (`CLinux/CMappings.c`): whoever believes what was read here asks `isDamaged` or
/// `isUntouched` afterwards, or compares a digest.
///
/// `@unchecked Sendable`: the pages are read-only and nothing here changes after `init`.
///
/// Safety: the pages live until `deinit`, and no span outlives the closure it was lent to. They are
/// watched from before the first read until after the last, so that no read ends the process.
@safe
package final class MappedFile: @unchecked Sendable {
    package let path: String
    package let byteCount: Int
    private let base: UnsafeMutableRawPointer?
    /// What stands for the mapping in the table of those that are watched; -1 without a mapping.
    private let watch: Int32
    private let file: Descriptor
    private let status: FileStatus

    package convenience init(path: String) throws(SystemError) {
        try self.init(Descriptor.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), path)
    }

    /// Maps a file below a folder; see `Descriptor.open(_:below:_:)` for which it may be.
    package convenience init(path: String, below folder: String) throws(SystemError) {
        let file = try Descriptor.open(path, below: folder, O_RDONLY | O_NONBLOCK)
        try self.init(file, "\(folder)/\(path)")
    }

    private init(_ file: consuming Descriptor, _ path: String) throws(SystemError) {
        let status = try file.status(of: path)
        guard status.kind == .regular else {
            throw SystemError(call: "mmap", errno: EINVAL, subject: "\(path) (not a regular file)")
        }
        var address: UnsafeMutableRawPointer?
        var watch: Int32 = -1
        if status.byteCount > 0 {
            unsafe address = mmap(nil, status.byteCount, PROT_READ, MAP_SHARED, file.number, 0)
            guard unsafe address != nil, unsafe address != MAP_FAILED else {
                throw .last("mmap", path)
            }
            watch = unsafe linux_watch_mapping(address, status.byteCount)
            guard watch >= 0 else {
                _ = unsafe munmap(address, status.byteCount)
                throw SystemError(call: "mmap", errno: ENFILE, subject: "\(path) (too many mapped)")
            }
        }
        (self.path, self.status, byteCount) = (path, status, status.byteCount)
        self.file = consume file
        unsafe base = address
        self.watch = watch
    }

    deinit {
        guard let base = unsafe base else { return }
        linux_unwatch_mapping(watch)
        _ = unsafe munmap(base, byteCount)
    }

    /// Whether a part was read that the file no longer has, or that could not be had from the disk.
    package var isDamaged: Bool { watch >= 0 && linux_is_mapping_damaged(watch) }

    /// Whether nobody has written to the file since it was opened, as far as the kernel's clock tells,
    /// and all that was read of it was there.
    ///
    /// Asked after the bytes were hashed and used, it says that the bytes used are those hashed. A
    /// write through somebody else's mapping shows only once the kernel takes note of it.
    package var isUntouched: Bool {
        guard !isDamaged, let now = try? file.status(of: path) else { return false }
        return now.byteCount == status.byteCount && now.modified == status.modified
            && now.changed == status.changed
    }

    /// Lends the file's bytes for the run of `body`.
    package func withBytes<Output, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Output
    ) throws(Failure) -> Output {
        guard let base = unsafe base else { return try body([UInt8]().span) }
        let start = unsafe UnsafePointer(base.assumingMemoryBound(to: UInt8.self))
        return try body(unsafe Span(_unsafeStart: start, count: byteCount))
    }

    /// Whether an address lies in the mapping.
    @unsafe package func holds(_ address: UnsafeRawPointer) -> Bool {
        guard let base = unsafe base else { return false }
        let start = UnsafeRawPointer(base)
        return unsafe address >= start && address < start + byteCount
    }

    /// The file's bytes for owners that keep views of them, such as a graph's constants.
    ///
    /// Valid as long as this object lives; empty for an empty file.
    @unsafe package var unsafeBytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: base, count: byteCount)
    }
}

extension Span<UInt8> {
    /// Has the processor bring bytes near that are read soon, where what is done with them is quicker than
    /// memory is.
    ///
    /// Waits only for the kernel to map what is not mapped yet, as reading them would.
    package func fetchAhead() {
        unsafe withUnsafeBufferPointer { buffer in
            if let start = buffer.baseAddress { unsafe linux_fetch_ahead(start, buffer.count) }
        }
    }
}
