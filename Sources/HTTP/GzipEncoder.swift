// SPDX-License-Identifier: Apache-2.0
private import CZlib

/// Packs bodies as gzip (RFC 1952); one is used by one thread at a time, again and again.
///
/// Safety: zlib keeps the address of the stream, so it lies in memory of its own, which `init` makes
/// and `deinit` frees.
@safe
final class GzipEncoder {
    /// What one takes: the window twice, the hash chains, and the pending output.
    static let byteCount = 272 << 10

    private let stream: UnsafeMutablePointer<z_stream>

    /// nil where there is no memory for one.
    init?() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // Level 1: answers are packed while their client waits. 15 is the widest window; 16 more means
        // gzip.
        let code = unsafe deflateInit2_(
            stream,
            1,
            Z_DEFLATED,
            15 + 16,
            8,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        guard code == Z_OK else {
            unsafe stream.deallocate()
            return nil
        }
    }

    deinit {
        _ = unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// The packed bytes; nil where they would not be fewer.
    func encode(_ bytes: Span<UInt8>) -> [UInt8]? {
        guard !bytes.isEmpty, bytes.count < Int(UInt32.max),
            unsafe deflateReset(stream) == Z_OK
        else { return nil }
        return unsafe bytes.withUnsafeBufferPointer { source in
            // Safety: zlib reads `source` and writes `target` within the counts that it is given.
            var packed = [UInt8](repeating: 0, count: source.count)
            let count: Int? = unsafe packed.withUnsafeMutableBufferPointer { target in
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                unsafe stream.pointee.avail_in = UInt32(source.count)
                unsafe stream.pointee.next_out = target.baseAddress
                unsafe stream.pointee.avail_out = UInt32(target.count)
                guard unsafe deflate(stream, Z_FINISH) == Z_STREAM_END else { return nil }
                return target.count - Int(unsafe stream.pointee.avail_out)
            }
            guard let count else { return nil }
            packed.removeLast(packed.count - count)
            return packed
        }
    }

    /// Begins a body that comes in parts.
    func begin() { _ = unsafe deflateReset(stream) }

    /// Packs the next part of a body; what it comes to may be appended with a later one.
    func encode(_ bytes: Span<UInt8>, isLast: Bool, to packed: inout [UInt8]) {
        var block = [UInt8](repeating: 0, count: 16 << 10)
        unsafe bytes.withUnsafeBufferPointer { source in
            // Safety: zlib reads `source` and writes `block` within the counts that it is given.
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
            unsafe stream.pointee.avail_in = UInt32(source.count)
            var isFull = true
            while isFull {
                let count = unsafe block.withUnsafeMutableBufferPointer { target in
                    unsafe stream.pointee.next_out = target.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(target.count)
                    _ = unsafe deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                    return target.count - Int(unsafe stream.pointee.avail_out)
                }
                packed.append(contentsOf: block[..<count])
                isFull = count == block.count
            }
        }
    }
}
