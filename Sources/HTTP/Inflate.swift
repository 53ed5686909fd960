// SPDX-License-Identifier: Apache-2.0
private import CZlib

/// Unpacks a whole gzip (RFC 1952) or zlib (RFC 1950) body of at most `limit` bytes when unpacked.
///
/// - Throws: 413 for more than `limit`, 400 for what is not whole or not of that form.
func inflateBody(
    _ packed: Span<UInt8>,
    _ encoding: ContentEncoding,
    limit: Int
) throws(Refusal) -> [UInt8] {
    var stream = unsafe z_stream()
    // 15 is the widest window; 16 more means gzip instead of zlib.
    let window: Int32 = encoding == .gzip ? 15 + 16 : 15
    let started = unsafe inflateInit2_(
        &stream,
        window,
        ZLIB_VERSION,
        Int32(MemoryLayout<z_stream>.size)
    )
    guard started == Z_OK else { throw .bufferMemory }
    defer { _ = unsafe inflateEnd(&stream) }

    var unpacked: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 32 << 10)
    let outcome: Refusal? = unsafe packed.withUnsafeBufferPointer { source in
        // zlib reads through this pointer only, though its type does not say so.
        unsafe stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
        unsafe stream.avail_in = UInt32(clamping: source.count)
        while true {
            let (code, count) = unsafe block.withUnsafeMutableBufferPointer { target in
                unsafe stream.next_out = target.baseAddress
                unsafe stream.avail_out = UInt32(target.count)
                let code = unsafe inflate(&stream, Z_NO_FLUSH)
                return (code, target.count - Int(unsafe stream.avail_out))
            }
            guard count <= limit - unpacked.count else { return .bodyTooLong(limit: limit) }
            unpacked.append(contentsOf: block[..<count])
            if code == Z_STREAM_END {
                let rest = unsafe stream.avail_in
                return rest == 0 ? nil : .badCompression()
            }
            let rest = unsafe stream.avail_in
            guard code == Z_OK, count > 0 || rest > 0 else { return .badCompression() }
        }
    }
    if let outcome { throw outcome }
    return unpacked
}
