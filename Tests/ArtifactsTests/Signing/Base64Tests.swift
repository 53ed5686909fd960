// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Artifacts

@Suite struct Base64Tests {
    /// RFC 4648, section 10, and the alphabet's last two.
    static let vectors: [(bytes: [UInt8], text: String)] = [
        ([], ""), (Array("f".utf8), "Zg=="), (Array("fo".utf8), "Zm8="),
        (Array("foo".utf8), "Zm9v"),
        (Array("foob".utf8), "Zm9vYg=="), (Array("fooba".utf8), "Zm9vYmE="),
        (Array("foobar".utf8), "Zm9vYmFy"), ([0xFB, 0xFF], "+/8="),
    ]

    @Test(arguments: vectors)
    func `goes both ways as RFC 4648 has it`(bytes: [UInt8], text: String) {
        #expect(Base64.encode(bytes) == text)
        #expect(Base64.decode(text.utf8) == bytes)
    }

    @Test(arguments: [
        "Z", "Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\n", "Zm9_", "Z=9v",
    ])
    func `text that the encoder would not write is refused`(text: String) {
        #expect(Base64.decode(text.utf8) == nil)
    }
}
