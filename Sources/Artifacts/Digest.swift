// SPDX-License-Identifier: Apache-2.0
private import COpenSSL

/// A SHA-256 digest: the name of some bytes that no other bytes have.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
    /// 32 bytes.
    package let bytes: [UInt8]

    fileprivate init(bytes: [UInt8]) { self.bytes = bytes }

    /// Reads 64 lower-case hexadecimal digits, as `sha256sum` writes them; nil for anything else.
    package init?(hexadecimal text: String) {
        guard let bytes = Artifacts.bytes(hexadecimal: text, count: 32) else { return nil }
        self.bytes = bytes
    }

    /// 64 lower-case hexadecimal digits.
    package var description: String { hexadecimal(bytes) }
}

/// Reads two lower-case hexadecimal digits for each of `count` bytes; nil for anything else.
func bytes(hexadecimal text: String, count: Int) -> [UInt8]? {
    func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
    let digits = Array(text.utf8)
    guard digits.count == 2 * count else { return nil }
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: digits.count, by: 2) {
        guard let high = value(of: digits[start]), let low = value(of: digits[start + 1]) else {
            return nil
        }
        bytes.append(high << 4 | low)
    }
    return bytes
}

/// Two lower-case hexadecimal digits for each byte.
func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}

/// The SHA-256 of `bytes` (FIPS 180-4).
package func sha256(of bytes: Span<UInt8>) -> Digest {
    let hash = SHA256()
    hash.update(with: bytes)
    return hash.finish()
}

/// A SHA-256 that is computed slice by slice.
///
/// `@unchecked Sendable`: the state behind the pointer has one owner and is touched by it only.
///
/// Safety: `context` is private, made in `init` and freed in `deinit`; OpenSSL reads only inside
/// the span it is given.
@safe
package struct SHA256: ~Copyable, @unchecked Sendable {
    private let context: OpaquePointer

    package init() {
        guard let context = unsafe EVP_MD_CTX_new() else {
            preconditionFailure("EVP_MD_CTX_new: out of memory")
        }
        unsafe self.context = context
        let code = unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil)
        precondition(code == 1, "EVP_DigestInit_ex: this OpenSSL has no SHA-256")
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    /// Adds the next bytes.
    package borrowing func update(with bytes: Span<UInt8>) {
        let context = unsafe self.context
        let code = unsafe bytes.withUnsafeBytes { buffer in
            unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
        }
        precondition(code == 1, "EVP_DigestUpdate: failed")
    }

    /// The digest of all that was added.
    package consuming func finish() -> Digest {
        var bytes = [UInt8](repeating: 0, count: 32)
        let code = unsafe EVP_DigestFinal_ex(context, &bytes, nil)
        precondition(code == 1, "EVP_DigestFinal_ex: failed")
        return Digest(bytes: bytes)
    }
}
