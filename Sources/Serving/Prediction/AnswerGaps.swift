// SPDX-License-Identifier: Apache-2.0

/// The lists that the text of a long answer leaves out, to be written while it is sent.
///
/// The text around them is written as that of any answer is, so that the two cannot differ.
struct AnswerGaps: Sendable {
    enum List: Sendable {
        /// The rows of the row form.
        case rows
        /// The elements of one output.
        case elements(output: Int)
        /// Who answered each row.
        case servers
        /// The guard that decided each row.
        case guards
    }

    /// Whether lists are left out at all.
    private(set) var isLong = false
    /// Where each list belongs, as a count of the text's bytes, in that order.
    private(set) var lists: [(place: Int, list: List)] = []

    mutating func begin(isLong: Bool) {
        self.isLong = isLong
        if !lists.isEmpty { lists = [] }
    }

    /// Notes a list that begins here; answers false where it has to be written now.
    mutating func leaveOut(_ list: List, at place: Int) -> Bool {
        if isLong { lists.append((place, list)) }
        return isLong
    }
}

extension PredictionRequest {
    /// About how long the answer's text will be where that is long; else 0, as also where its length has to
    /// be known before it is written, which is so where binary tensors follow.
    func expectedTextByteCount(_ table: borrowing OutputTable) -> Int {
        // All that is asked of a short answer.
        guard table.rows >= table.longRows else { return 0 }
        var count = 0
        switch form {
        case .rows:
            for index in table.columns.indices {
                count += table.rows * table.columns[index].spec.expectedRowByteCount
            }
        case .tensors:
            for requested in outputs {
                if requested.isBinary { return 0 }
                count += table.rows * table.columns[requested.output].spec.expectedRowByteCount
            }
        }
        return count
    }
}
