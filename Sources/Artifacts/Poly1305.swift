// SPDX-License-Identifier: Apache-2.0
private import COpenSSL

/// A Poly1305 (RFC 8439, 2.5) that is computed slice by slice, under a key that is for one message alone.
///
/// Safety: `context` is private, made in `init` and freed in `deinit`; OpenSSL reads only inside
/// the span it is given.
@safe
struct Poly1305: ~Copyable {
    static let keyByteCount = 32
    static let tagByteCount = 16

    private let context: OpaquePointer

    /// Fetched once; nil where this OpenSSL has none, as a FIPS module has not.
    ///
    /// `@unchecked Sendable`: nothing here changes after it is fetched, and OpenSSL lets many threads make
    /// contexts of one algorithm.
    ///
    /// Safety: it is never freed.
    @safe
    private struct Algorithm: @unchecked Sendable {
        static let only = unsafe Algorithm(pointer: EVP_MAC_fetch(nil, "POLY1305", nil))
        let pointer: OpaquePointer?
    }

    /// - Returns: nil where this OpenSSL cannot.
    init?(key: [UInt8]) {
        precondition(key.count == Self.keyByteCount, "a key of \(key.count) bytes")
        guard let algorithm = unsafe Algorithm.only.pointer,
            let context = unsafe EVP_MAC_CTX_new(algorithm)
        else { return nil }
        guard unsafe EVP_MAC_init(context, key, key.count, nil) == 1 else {
            unsafe EVP_MAC_CTX_free(context)
            return nil
        }
        unsafe self.context = context
    }

    deinit { unsafe EVP_MAC_CTX_free(context) }

    /// Adds the next bytes.
    borrowing func update(with bytes: Span<UInt8>) {
        let context = unsafe self.context
        let code = unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe EVP_MAC_update(context, buffer.baseAddress, buffer.count)
        }
        precondition(code == 1, "EVP_MAC_update: failed")
    }

    /// The tag of all that was added.
    consuming func finish() -> [UInt8] {
        var tag = [UInt8](repeating: 0, count: Self.tagByteCount)
        var count = 0
        let code = unsafe EVP_MAC_final(context, &tag, &count, tag.count)
        precondition(code == 1 && count == tag.count, "EVP_MAC_final: failed")
        return tag
    }
}
