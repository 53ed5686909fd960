// SPDX-License-Identifier: Apache-2.0
private import CZlib

/// The members of a ZIP file (APPNOTE 6.3), as `numpy.savez` writes them: stored or deflated, with the
/// ZIP64 forms, without encryption and without further parts.
///
///     local header, bytes; …; central directory: an entry a member; [ZIP64 end, locator]; end record
///
/// Only the central directory is believed, and each place in it is checked.
struct ZipArchive {
    struct Member: Sendable, Equatable {
        var name: String
        /// Where the packed bytes lie.
        var range: Range<Int>
        var isDeflated: Bool
        var byteCount: Int
        var checksum: UInt32
    }

    let members: [Member]

    /// What is wrong with the file, in words.
    struct Problem: Error, Equatable { var found: String }

    init(_ bytes: Span<UInt8>) throws(Problem) {
        var (offset, count) = try Self.directory(in: bytes)
        var members: [Member] = []
        guard count <= 10_000 else { throw Problem(found: "\(count) members") }
        while count > 0 {
            members.append(try Self.entry(in: bytes, at: &offset))
            count -= 1
        }
        self.members = members
    }

    /// Where the central directory starts and how many entries it has.
    private static func directory(in bytes: Span<UInt8>) throws(Problem) -> (Int, Int) {
        let least = 22
        var place = bytes.count - least
        let first = max(0, place - 0xFFFF)
        while place >= first, read32(bytes, place) != 0x0605_4B50 { place -= 1 }
        guard place >= first, place >= 0 else {
            throw Problem(found: "no end of a ZIP file; it is cut or damaged")
        }
        var count = Int(read16(bytes, place + 10) ?? 0)
        var start = Int(read32(bytes, place + 16) ?? 0)
        if count == 0xFFFF || start == 0xFFFF_FFFF, read32(bytes, place - 20) == 0x0706_4B50 {
            guard let end = read64(bytes, place - 12), end <= bytes.count - 56,
                read32(bytes, end) == 0x0606_4B50,
                let many = read64(bytes, end + 32), let where64 = read64(bytes, end + 48)
            else { throw Problem(found: "a broken ZIP64 end record") }
            (count, start) = (many, where64)
        }
        return (start, count)
    }

    private static func entry(
        in bytes: Span<UInt8>,
        at offset: inout Int
    ) throws(Problem) -> Member {
        guard offset >= 0, offset <= bytes.count - 46, read32(bytes, offset) == 0x0201_4B50,
            let flags = read16(bytes, offset + 8), let method = read16(bytes, offset + 10),
            let checksum = read32(bytes, offset + 16), let packed32 = read32(bytes, offset + 20),
            let count32 = read32(bytes, offset + 24), let nameCount = read16(bytes, offset + 28),
            let extraCount = read16(bytes, offset + 30),
            let commentCount = read16(bytes, offset + 32), let local32 = read32(bytes, offset + 42)
        else { throw Problem(found: "a broken entry in the ZIP directory") }
        let nameStart = offset + 46
        let extraStart = nameStart + Int(nameCount)
        let next = extraStart + Int(extraCount) + Int(commentCount)
        guard next <= bytes.count else { throw Problem(found: "a cut ZIP directory") }
        let name = String(
            decoding: (nameStart..<extraStart).map { bytes[$0] },
            as: UTF8.self
        )
        var (byteCount, packed, local) = (Int(count32), Int(packed32), Int(local32))
        var extra = extraStart
        while extra + 4 <= extraStart + Int(extraCount) {
            let kind = read16(bytes, extra)
            let size = Int(read16(bytes, extra + 2) ?? 0)
            if kind == 1 {
                var field = extra + 4
                for (isWide, write) in [
                    (count32 == .max, 0), (packed32 == .max, 1), (local32 == .max, 2),
                ] where isWide {
                    guard let value = read64(bytes, field) else { break }
                    if write == 0 { byteCount = value }
                    if write == 1 { packed = value }
                    if write == 2 { local = value }
                    field += 8
                }
            }
            extra += 4 + size
        }
        offset = next
        guard flags & 1 == 0 else { throw Problem(found: "'\(name)' is encrypted") }
        guard method == 0 || method == 8 else {
            throw Problem(found: "'\(name)' is packed by method \(method)")
        }
        guard local >= 0, local <= bytes.count - 30, read32(bytes, local) == 0x0403_4B50,
            let localName = read16(bytes, local + 26), let localExtra = read16(bytes, local + 28)
        else { throw Problem(found: "'\(name)' is not where the directory says") }
        let start = local + 30 + Int(localName) + Int(localExtra)
        guard packed >= 0, start <= bytes.count, packed <= bytes.count - start,
            method == 8 || packed == byteCount
        else { throw Problem(found: "'\(name)' goes beyond the file's end") }
        return Member(
            name: name,
            range: start..<(start + packed),
            isDeflated: method == 8,
            byteCount: byteCount,
            checksum: checksum
        )
    }

    /// Lends the member's bytes piece by piece, unpacked.
    ///
    /// - Parameters:
    ///   - member: of this file.
    ///   - bytes: the whole file.
    ///   - visit: takes the next piece; the first thing it throws ends the walk.
    /// - Returns: what is wrong where the bytes are not those that the directory tells of.
    /// - Throws: what `visit` throws.
    static func walk<Failure: Error>(
        over member: Member,
        in bytes: Span<UInt8>,
        _ visit: (Span<UInt8>) throws(Failure) -> Void
    ) throws(Failure) -> Problem? {
        var (checksum, count) = (UInt32(0), 0)
        let packed = bytes.extracting(member.range)
        if member.isDeflated {
            guard let inflater = ZipInflater() else { return Problem(found: "no memory for zlib") }
            var offset = 0
            while true {
                guard let piece = inflater.next(of: packed, from: &offset) else {
                    return Problem(found: "'\(member.name)' cannot be unpacked; it is damaged")
                }
                if piece.isEmpty { break }
                count += piece.count
                guard count <= member.byteCount else { break }
                checksum = crc(checksum, piece.span)
                try visit(piece.span)
            }
        } else {
            while count < packed.count {
                let piece = packed.extracting(count..<min(count + 1 << 20, packed.count))
                count += piece.count
                checksum = crc(checksum, piece)
                try visit(piece)
            }
        }
        guard count == member.byteCount, checksum == member.checksum else {
            return Problem(found: "'\(member.name)' is damaged: its checksum is another")
        }
        return nil
    }

    /// Safety: zlib reads within the count that it is given.
    private static func crc(_ before: UInt32, _ bytes: Span<UInt8>) -> UInt32 {
        let value = unsafe bytes.withUnsafeBufferPointer {
            unsafe crc32_z(UInt(before), $0.baseAddress, $0.count)
        }
        return UInt32(truncatingIfNeeded: value)
    }

    private static func read16(_ bytes: Span<UInt8>, _ offset: Int) -> UInt16? {
        guard offset >= 0, offset <= bytes.count - 2 else { return nil }
        return UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
    }

    private static func read32(_ bytes: Span<UInt8>, _ offset: Int) -> UInt32? {
        guard let low = read16(bytes, offset), let high = read16(bytes, offset + 2) else {
            return nil
        }
        return UInt32(low) | UInt32(high) << 16
    }

    private static func read64(_ bytes: Span<UInt8>, _ offset: Int) -> Int? {
        guard let low = read32(bytes, offset), let high = read32(bytes, offset + 4) else {
            return nil
        }
        return Int(exactly: UInt64(low) | UInt64(high) << 32)
    }
}

/// Unpacks one raw deflate stream (RFC 1951) piece by piece.
///
/// Safety: zlib keeps the address of the stream, so it lies in memory of its own, which `init` makes
/// and `deinit` frees.
@safe
private final class ZipInflater {
    private let stream: UnsafeMutablePointer<z_stream>
    private var isAtEnd = false

    /// nil where there is no memory for one.
    init?() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // -15: the widest window, and no header around the stream.
        let size = unsafe Int32(MemoryLayout<z_stream>.size)
        guard unsafe inflateInit2_(stream, -15, ZLIB_VERSION, size) == Z_OK else {
            unsafe stream.deallocate()
            return nil
        }
    }

    deinit {
        _ = unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// The next piece, at most 256 KiB; empty at the end, nil where the stream is broken.
    func next(of packed: Span<UInt8>, from offset: inout Int) -> [UInt8]? {
        if isAtEnd { return [] }
        let room = 256 << 10
        let start = offset
        let given = min(packed.count - start, 1 << 30)
        var code = Z_OK
        var unused = 0
        let piece = unsafe [UInt8](unsafeUninitializedCapacity: room) { target, count in
            // Safety: zlib reads `packed` and writes `target` within the counts that it is given.
            let outcome = unsafe packed.withUnsafeBufferPointer { source in
                unsafe stream.pointee.next_in = source.baseAddress.map {
                    unsafe UnsafeMutablePointer(mutating: $0 + start)
                }
                unsafe stream.pointee.avail_in = UInt32(given)
                unsafe stream.pointee.next_out = target.baseAddress
                unsafe stream.pointee.avail_out = UInt32(room)
                let code = unsafe inflate(stream, Z_NO_FLUSH)
                let left = unsafe Int(stream.pointee.avail_in)
                return unsafe (code, left, room - Int(stream.pointee.avail_out))
            }
            (code, unused, count) = outcome
        }
        offset += given - unused
        isAtEnd = code == Z_STREAM_END
        guard isAtEnd || code == Z_OK && (!piece.isEmpty || offset > start) else { return nil }
        return piece.isEmpty && !isAtEnd ? next(of: packed, from: &offset) : piece
    }
}
