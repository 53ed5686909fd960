// SPDX-License-Identifier: Apache-2.0

extension JSONValue {
    /// The value as JSON text.
    ///
    /// - Parameter pretty: a member or element a line, indented by two spaces, and a line end last.
    /// - Returns: UTF-8.
    package func encoded(pretty: Bool = false) -> [UInt8] {
        guard pretty else {
            var writer = JSONWriter()
            writer.value(self)
            return writer.bytes
        }
        var output: [UInt8] = []
        append(to: &output, indent: "\n")
        output.append(UInt8(ascii: "\n"))
        return output
    }

    /// The value as JSON text in a string.
    package func text(pretty: Bool = false) -> String {
        String(decoding: encoded(pretty: pretty), as: UTF8.self)
    }

    private func append(to output: inout [UInt8], indent: String) {
        switch self {
        case .array(let elements) where !elements.isEmpty:
            output.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                output.append(contentsOf: ((index > 0 ? "," : "") + indent + "  ").utf8)
                element.append(to: &output, indent: indent + "  ")
            }
            output.append(contentsOf: (indent + "]").utf8)
        case .object(let members) where !members.isEmpty:
            output.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                output.append(contentsOf: ((index > 0 ? "," : "") + indent + "  ").utf8)
                output.append(contentsOf: JSONValue.string(member.name).encoded())
                output.append(contentsOf: ": ".utf8)
                member.value.append(to: &output, indent: indent + "  ")
            }
            output.append(contentsOf: (indent + "}").utf8)
        default:
            output.append(contentsOf: encoded())
        }
    }
}
