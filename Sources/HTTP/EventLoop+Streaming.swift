// SPDX-License-Identifier: Apache-2.0

/// Long answers are made while they are sent: a piece a turn, and none while the client has not taken the
/// one before. So a connection holds the values, in whatever form the source has them, and one piece.
extension EventLoop {
    /// Writes the head of an answer and its first piece to the loop's output; `flush` has to follow.
    func begin(_ source: any AnswerSource, of response: Response, _ connection: Connection) {
        let style = connection.style
        let stream = AnswerStream(source, isChunked: !style.isVersion10)
        guard reserveBehindAnswer(stream.charge, connection) else {
            refuse(connection, .bufferMemory)
            return
        }
        // In HTTP/1.0 the end of the body is that of the connection.
        if response.closesConnection || isDraining || style.isVersion10 {
            connection.style.isKeepAlive = false
        }
        ResponseEncoder.encode(response, style: connection.style, date: date.line, into: &output)
        connection.servedCount += 1
        connection.phase = .streaming
        connection.stream = stream
        // From here to the end the client has to take what there is.
        awaitTaking(connection)
        appendPiece(of: stream, connection)
    }

    /// Sends the next piece of an answer, of which all that was made before is with the kernel.
    func goOnStreaming(_ connection: Connection) {
        guard let stream = connection.stream else { return }
        connection.awaitsTurn = false
        appendPiece(of: stream, connection)
        sendOutput(connection)
        settle(connection)
    }

    private func appendPiece(of stream: AnswerStream, _ connection: Connection) {
        guard stream.appendPiece(to: &output) else { return }
        dropStream(connection)
        connection.phase = connection.style.isKeepAlive ? .head : .closing
    }

    /// Lets go of an answer that is all made, or whose client is gone.
    func dropStream(_ connection: Connection) {
        guard let stream = connection.stream else { return }
        connection.stream = nil
        release(stream.charge)
    }
}
