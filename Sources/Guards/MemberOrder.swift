// SPDX-License-Identifier: Apache-2.0
package import JSON

/// The features' names as JSON writes them, and in which order clients send them.
///
/// A guess of the next name saves looking it up; it is made from the names before, and what comes
/// next is always compared with it in full.
package struct MemberOrder: Sendable {
    /// The names in quotes, end to end.
    private var bytes: [UInt8] = []
    /// Where name `i` starts; one more at the end.
    private var starts: [Int] = [0]
    /// The feature that came last time at the start of a row and, one later, behind each feature.
    private var successors: [Int]

    init(_ names: [String]) {
        for name in names {
            var writer = JSONWriter()
            writer.string(name)
            bytes += writer.bytes
            starts.append(bytes.count)
        }
        successors = Array(names.indices) + [0]
    }

    /// Reads the name that is to be expected behind another, or at a row's start, where it comes next.
    ///
    /// - Returns: the feature; nil, and nothing read, where something else comes.
    @inline(__always)
    package func take(
        after last: Int?,
        from scanner: inout JSONScanner,
        in json: Span<UInt8>
    ) -> Int? {
        let feature = successors[last.map { $0 + 1 } ?? 0]
        guard feature + 1 < starts.count else { return nil }
        let literal = bytes.span.extracting(starts[feature]..<starts[feature + 1])
        return scanner.takeMember(literal, in: json) ? feature : nil
    }

    /// Takes note of what came instead.
    package mutating func note(_ feature: Int, after last: Int?) {
        successors[last.map { $0 + 1 } ?? 0] = feature
    }
}
