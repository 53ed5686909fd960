// SPDX-License-Identifier: Apache-2.0
import Guards
import HTTP
import JSON

/// A long answer, out of the workspace: its values, and the text around them.
///
/// Made when everything is decided, so that the workspace is free for the next request however slowly
/// the client reads. Values take less memory than their text, which is only written as it is sent.
///
/// `@unchecked Sendable`: a source is with one thread at a time.
final class KeptAnswer: AnswerSource, @unchecked Sendable {
    /// Shorter answers are written whole.
    static let leastByteCount = 128 << 10

    private let text: [UInt8]
    private let gaps: [(place: Int, list: AnswerGaps.List)]
    /// A column for each of the table's; nil for those that nobody asked for.
    private let columns: [KeptColumn?]
    private let rows: Int
    private let isModel: [Bool]
    private let guards: [GuardName]
    let expectedByteCount: Int

    /// The gap that is being filled, how far, and up to where the text before it was written.
    private var gap = 0
    private var cursor = Cursor()
    private var textPlace = 0
    private var writer = JSONWriter()

    /// Where writing goes on in a list: for rows, in the middle of one as well.
    private struct Cursor {
        var row = 0
        var column = 0
        var element = 0
    }

    init(
        _ text: [UInt8],
        _ gaps: AnswerGaps,
        _ table: borrowing OutputTable,
        _ outcome: borrowing Outcome,
        expectedByteCount: Int
    ) {
        // A copy of just the bytes, as the draft's are written over by the next answer.
        self.text = text.map { $0 }
        self.gaps = gaps.lists
        self.expectedByteCount = expectedByteCount
        var outputs = Set<Int>()
        var listsServers = false
        var listsGuards = false
        for (_, list) in gaps.lists {
            switch list {
            case .rows: outputs.formUnion(table.columns.indices)
            case .elements(let output): outputs.insert(output)
            case .servers: listsServers = true
            case .guards: listsGuards = true
            }
        }
        rows = table.rows
        var columns: [KeptColumn?] = []
        for index in table.columns.indices {
            columns.append(
                outputs.contains(index) ? KeptColumn(table.columns[index], rows: rows) : nil
            )
        }
        self.columns = columns
        // Mapped, because the workspace goes on with lists of its own only while nobody shares them.
        isModel = listsServers ? outcome.isModel.map { $0 } : []
        guards = listsGuards ? outcome.guards.map { $0 } : []
    }

    var heldByteCount: Int {
        var count = text.count + isModel.count + guards.count + 2 * answerPieceByteCount
        for column in columns { count += column?.byteCount ?? 0 }
        return count
    }

    func appendPiece(to bytes: inout [UInt8]) -> Bool {
        let end = bytes.count + answerPieceByteCount
        while bytes.count < end {
            let textEnd = gap < gaps.count ? gaps[gap].place : text.count
            if textPlace < textEnd {
                let count = min(textEnd - textPlace, end - bytes.count)
                bytes.append(contentsOf: text[textPlace..<textPlace + count])
                textPlace += count
                continue
            }
            guard gap < gaps.count else { return true }
            let isDone = fill(gaps[gap].list, until: end - bytes.count)
            bytes.append(contentsOf: writer.bytes)
            // The writer still knows whether a comma comes next.
            writer.bytes.removeAll(keepingCapacity: true)
            if isDone {
                gap += 1
                cursor = Cursor()
                writer.removeAll()
            }
        }
        return textPlace == text.count && gap == gaps.count
    }

    /// Writes on in a list; answers whether that was its end.
    private func fill(_ list: AnswerGaps.List, until byteCount: Int) -> Bool {
        switch list {
        case .rows:
            while cursor.row < rows, writer.bytes.count < byteCount { writeRow(until: byteCount) }
            return cursor.row == rows
        case .elements(let output):
            guard let column = columns[output] else { return true }
            let count = rows * column.spec.width
            while cursor.element < count, writer.bytes.count < byteCount {
                column.writeElement(cursor.element, to: &writer)
                cursor.element += 1
            }
            return cursor.element == count
        case .servers:
            while cursor.row < rows, writer.bytes.count < byteCount {
                writer.string((isModel[cursor.row] ? Outcome.Server.model : .fallback).name)
                cursor.row += 1
            }
            return cursor.row == rows
        case .guards:
            while cursor.row < rows, writer.bytes.count < byteCount {
                writer.string(guards[cursor.row].rawValue)
                cursor.row += 1
            }
            return cursor.row == rows
        }
    }

    /// Writes on in a row of the row form, as `RowEncoder` does.
    private func writeRow(until byteCount: Int) {
        let isSingle = columns.count == 1
        guard let column = columns[cursor.column] else { return }
        let width = column.spec.width
        let isList = width != 1 || !column.spec.rowShape.isEmpty
        if cursor.element == 0 {
            if cursor.column == 0, !isSingle { writer.beginObject() }
            if !isSingle { writer.key(column.spec.name) }
            if isList { writer.beginArray() }
        }
        let start = cursor.row * width
        // One at least, so that a column's beginning is written once.
        repeat {
            guard cursor.element < width else { break }
            column.writeElement(start + cursor.element, to: &writer)
            cursor.element += 1
        } while writer.bytes.count < byteCount
        guard cursor.element == width else { return }
        if isList { writer.endArray() }
        cursor.element = 0
        cursor.column += 1
        guard cursor.column == columns.count else { return }
        if !isSingle { writer.endObject() }
        cursor.column = 0
        cursor.row += 1
    }
}
