// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// Where the log's lines go, whole or not at all.
///
/// A disk that is full may take the beginning of a line. The rest comes before anything else once there
/// is room, so that no line is cut or runs into another.
///
/// `@unchecked Sendable`: touched on the log's queue alone.
final class LogOutput: @unchecked Sendable {
    private let number: Int32
    /// What is left of the last line.
    private var rest: ArraySlice<UInt8> = []

    init(number: Int32) { self.number = number }

    /// Takes a line, its end included.
    ///
    /// - Returns: whether it is written, or will be as soon as anything can be.
    func take(_ line: [UInt8]) -> Bool {
        rest = left(of: rest)
        guard rest.isEmpty else { return false }
        let left = left(of: line[...])
        guard left.count < line.count else { return false }
        rest = left
        return true
    }

    private func left(of bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        bytes.dropFirst(writeSome(bytes.span, to: number))
    }
}
