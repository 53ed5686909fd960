// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Artifacts

@Suite struct DigestTests {
    /// NIST's examples for FIPS 180-4 and its test vectors of bytes: what is repeated, and how often.
    static let vectors: [(piece: [UInt8], count: Int, digest: String)] = [
        ([], 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (
            Array("abc".utf8), 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        ),
        (
            Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8), 1,
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            Array("a".utf8), 1_000_000,
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ), ([0xbd], 1, "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"),
        ([0], 55, "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"),
        ([0], 64, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"),
    ]

    @Test(arguments: vectors)
    func `is NIST's SHA-256`(piece: [UInt8], count: Int, digest: String) {
        let message = (0..<count).flatMap { _ in piece }
        #expect(sha256(of: message.span).description == digest)
        #expect(Digest(hexadecimal: digest) == sha256(of: message.span))
    }

    @Test(arguments: [1, 63, 64, 65, 1000])
    func `slices give the digest of the whole`(sliceByteCount: Int) {
        let message = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let hash = SHA256()
        for start in stride(from: 0, to: message.count, by: sliceByteCount) {
            let slice = Array(message[start..<min(start + sliceByteCount, message.count)])
            hash.update(with: slice.span)
        }
        #expect(hash.finish() == sha256(of: message.span))
    }

    @Test(arguments: [
        "", "ab", String(repeating: "g", count: 64), String(repeating: "A", count: 64),
        String(repeating: "0", count: 63), String(repeating: "0", count: 65),
        String(repeating: "é", count: 32),
    ])
    func `text that is no digest is none`(text: String) {
        #expect(Digest(hexadecimal: text) == nil)
    }
}
