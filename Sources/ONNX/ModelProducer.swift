// SPDX-License-Identifier: Apache-2.0

/// What wrote a model file, and in which version; both may be empty.
package struct ModelProducer: Sendable, Equatable {
    package var name = ""
    package var version = ""

    /// Reads these two fields of `bytes`, the whole file, and skips all others.
    package init(_ bytes: Span<UInt8>) throws(ReadError) {
        var reader = WireReader(0..<bytes.count)
        while let field = try reader.next(in: bytes) {
            switch field.number {
            case 2: name = try field.text(of: "ModelProto", in: bytes)
            case 3: version = try field.text(of: "ModelProto", in: bytes)
            default: break
            }
        }
    }
}
