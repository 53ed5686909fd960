// SPDX-License-Identifier: Apache-2.0

/// The textual form of keys (RFC 7468): base64 between a line that begins and one that ends it.
enum PEM {
    /// The bytes of the one block in `file`; nil unless there is exactly one, with that label.
    static func decode(_ file: [UInt8], label: String) -> [UInt8]? {
        let lines = file.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        let begins = lines.indices.filter { lines[$0].starts(with: "-----BEGIN ".utf8) }
        guard let begin = begins.first, begins.count == 1,
            lines[begin].elementsEqual("-----BEGIN \(label)-----".utf8),
            let end = lines[begin...].firstIndex(where: {
                $0.elementsEqual("-----END \(label)-----".utf8)
            })
        else { return nil }
        return Base64.decode(lines[(begin + 1)..<end].flatMap { $0 })
    }

    static func encode(_ bytes: [UInt8], label: String) -> String {
        var text = "-----BEGIN \(label)-----\n"
        var line = Base64.encode(bytes)[...]
        while !line.isEmpty {
            text += line.prefix(64) + "\n"
            line = line.dropFirst(64)
        }
        return text + "-----END \(label)-----\n"
    }
}
