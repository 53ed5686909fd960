// SPDX-License-Identifier: Apache-2.0

extension JSONValue {
    /// The value as JSON for people to read and edit: a member or element a line, but what fits one
    /// line on one, lists of plain values always.
    ///
    /// - Parameter width: the columns that a line may have.
    /// - Returns: UTF-8 with a line end last.
    package func laidOut(width: Int = 110) -> [UInt8] {
        var output: [UInt8] = []
        lay(out: &output, indent: 0, width: width)
        output.append(UInt8(ascii: "\n"))
        return output
    }

    private func lay(out output: inout [UInt8], indent: Int, width: Int) {
        let line = flat
        switch self {
        case .array(let elements)
        where line.count + indent > width && !elements.allSatisfy(\.isPlain):
            enclose(in: "[]", elements.count, &output, indent) { index, output in
                elements[index].lay(out: &output, indent: indent + 2, width: width)
            }
        case .object(let members) where line.count + indent > width && !members.isEmpty:
            enclose(in: "{}", members.count, &output, indent) { index, output in
                output += JSONValue.string(members[index].name).encoded() + Array(": ".utf8)
                members[index].value.lay(out: &output, indent: indent + 2, width: width)
            }
        default: output += line
        }
    }

    private func enclose(
        in brackets: StaticString,
        _ count: Int,
        _ output: inout [UInt8],
        _ indent: Int,
        _ element: (Int, inout [UInt8]) -> Void
    ) {
        let marks = Array(brackets.description.utf8)
        output.append(marks[0])
        for index in 0..<count {
            output += Array(
                ((index > 0 ? ",\n" : "\n") + String(repeating: " ", count: indent + 2)).utf8
            )
            element(index, &output)
        }
        output += Array(("\n" + String(repeating: " ", count: indent)).utf8)
        output.append(marks[1])
    }

    private var isPlain: Bool {
        switch self {
        case .array, .object: false
        default: true
        }
    }

    /// On one line, with a blank behind each comma and colon.
    private var flat: [UInt8] {
        switch self {
        case .array(let elements):
            let parts = elements.map { String(decoding: $0.flat, as: UTF8.self) }
            return Array("[\(parts.joined(separator: ", "))]".utf8)
        case .object(let members):
            let parts = members.map {
                JSONValue.string($0.name).text() + ": "
                    + String(decoding: $0.value.flat, as: UTF8.self)
            }
            return Array("{\(parts.joined(separator: ", "))}".utf8)
        default: return encoded()
        }
    }

    /// On one line, with a blank behind each comma and colon, as records are written.
    package var line: [UInt8] { flat + [UInt8(ascii: "\n")] }
}
