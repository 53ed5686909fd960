// SPDX-License-Identifier: Apache-2.0

/// The body of a long answer, made while the client takes it.
///
/// All that can fail has been decided before; what is left is to write. One thread has it at a time.
package protocol AnswerSource: AnyObject, Sendable {
    /// About how long the body will be.
    var expectedByteCount: Int { get }

    /// The memory that it holds at most, from now to its end.
    var heldByteCount: Int { get }

    /// Appends the next `answerPieceByteCount` bytes or so, which may be none; answers whether that was
    /// the last piece.
    func appendPiece(to bytes: inout [UInt8]) -> Bool
}

/// How long the pieces of long answers are: so much that sending costs little beside writing, so little
/// that others on the loop do not wait long, and with its frame no more than a record of TLS.
package let answerPieceByteCount = (16 << 10) - 64

/// A long answer on its way: how its pieces are framed (RFC 9112 sections 6 and 7.1).
final class AnswerStream {
    /// What of the server's buffer memory it holds.
    let charge: Int
    private let source: any AnswerSource
    /// Else the connection's end is the body's.
    private let isChunked: Bool

    init(_ source: any AnswerSource, isChunked: Bool) {
        self.source = source
        self.isChunked = isChunked
        charge = source.heldByteCount
    }

    /// Appends the next piece as it goes on the wire; answers whether that was the last.
    func appendPiece(to output: inout [UInt8]) -> Bool {
        guard isChunked else { return source.appendPiece(to: &output) }
        // The size is known when the piece is there; leading zeros change nothing about it.
        let start = output.count
        output.append("00000000\r\n")
        let isLast = source.appendPiece(to: &output)
        var rest = output.count - start - 10
        if rest == 0 {
            // A chunk of no bytes would be the end.
            output.removeLast(10)
        } else {
            for index in stride(from: start + 7, through: start, by: -1) where rest > 0 {
                output[index] = UInt8(rest & 15) + (rest & 15 < 10 ? 0x30 : 0x57)
                rest >>= 4
            }
            output.append("\r\n")
        }
        if isLast { output.append("0\r\n\r\n") }
        return isLast
    }
}
