// SPDX-License-Identifier: Apache-2.0

/// The shape that an input claims to have; allocates nothing for the one or two dimensions that nearly
/// all have.
struct ClaimedShape {
    private(set) var rank = 0
    private var first = 0
    private var second = 0
    private var rest: [Int] = []
    /// Whether a dimension was left out because no tensor can have it.
    private(set) var isOutOfRange = false

    static let rangeProblem = "each dimension must be from 0 to 2^63 - 1, 16 at most"

    /// Appends what was read as a dimension; nil for what is beyond 64 bits.
    mutating func append(_ dimension: Int64?) {
        guard let dimension, dimension >= 0, rank < 16 else {
            isOutOfRange = true
            return
        }
        switch rank {
        case 0: first = Int(dimension)
        case 1: second = Int(dimension)
        default: rest.append(Int(dimension))
        }
        rank += 1
    }

    /// The first dimension; nil for a scalar.
    var rows: Int? { rank > 0 ? first : nil }

    subscript(_ level: Int) -> Int {
        switch level {
        case 0: first
        case 1: second
        default: rest[level - 2]
        }
    }

    var dimensions: [Int] { (0..<rank).map { self[$0] } }

    /// Whether each row has this shape; nil is a scalar, which may also come as `[rows, 1]`.
    func fits(_ row: [Int]?) -> Bool {
        guard let row else { return rank == 1 || (rank == 2 && second == 1) }
        guard rank == row.count + 1 else { return false }
        for (index, dimension) in row.enumerated() where self[index + 1] != dimension {
            return false
        }
        return true
    }
}
