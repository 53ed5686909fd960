// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A box by its corners; `center` boxes come as middle and size.
private struct Box {
    let (left, right): (Float, Float)
    let (top, bottom): (Float, Float)

    init(_ numbers: ArraySlice<Float>, isCenter: Bool) {
        let (a, b) = (numbers[numbers.startIndex], numbers[numbers.startIndex + 1])
        let (c, d) = (numbers[numbers.startIndex + 2], numbers[numbers.startIndex + 3])
        if isCenter {
            (left, right) = (a - c / 2, a + c / 2)
            (top, bottom) = (b - d / 2, b + d / 2)
        } else {
            (left, right) = (min(b, d), max(b, d))
            (top, bottom) = (min(a, c), max(a, c))
        }
    }

    var area: Float { (right - left) * (bottom - top) }

    /// The shared area as a part of both together; nothing when an area is empty.
    func overlap(_ other: Box) -> Float {
        let width = min(right, other.right) - max(left, other.left)
        let height = min(bottom, other.bottom) - max(top, other.top)
        guard width > 0, height > 0, area > 0, other.area > 0 else { return 0 }
        let shared = width * height
        return shared / (area + other.area - shared)
    }
}

extension NodeContext {
    /// The indices (batch, class, box) of the boxes that stay, `[count, 3]`.
    ///
    /// For each batch and class, boxes are taken by falling score, earlier ones first among equals; a box
    /// that overlaps one already taken by more than the threshold is left out.
    fileprivate func selectedBoxes() throws(EngineError) -> Tensor {
        try require(input: 0, oneOf: [.float])
        try require(input: 1, oneOf: [.float])
        let (boxes, scores) = (try contents(ofInput: 0), try contents(ofInput: 1))
        let (boxShape, scoreShape) = (boxes.dimensions, scores.dimensions)
        guard boxShape.count == 3, boxShape[2] == 4, scoreShape.count == 3,
            boxShape[0] == scoreShape[0], boxShape[1] == scoreShape[2]
        else {
            throw failure(
                "boxes are \(boxShape) and scores \(scoreShape), expected [batches, boxes, 4] and [batches, classes, boxes]"
            )
        }
        let limit = try fixedIntegers(ofInput: 2)?.first ?? 0
        let overlapLimit = try number(ofInput: 3) ?? 0
        let scoreLimit = try number(ofInput: 4)
        let isCenter = try integer("center_point_box", default: 0) != 0

        let corners = boxes.elements(as: Float.self)
        let points = scores.elements(as: Float.self)
        let count = boxShape[1]
        var selected: [Int64] = []
        var work = 0
        func spend(_ amount: Int) throws(EngineError) {
            work += amount
            guard work <= mostWork else {
                throw StepWork.refusal(of: self, work, limit: mostWork)
            }
        }
        for batch in 0..<boxShape[0] {
            let all = (0..<count).map { index in
                let start = (batch * count + index) * 4
                return Box(corners[start..<(start + 4)], isCenter: isCenter)
            }
            for category in 0..<scoreShape[1] {
                try spend(count)
                let start = (batch * scoreShape[1] + category) * count
                let candidates = (0..<count)
                    .filter { index in scoreLimit.map { points[start + index] > $0 } ?? true }
                    .sorted { a, b in
                        let (left, right) = (points[start + a], points[start + b])
                        return left == right ? a < b : left > right
                    }
                var taken: [Int] = []
                for index in candidates {
                    guard taken.count < limit else { break }
                    try spend(taken.count)
                    if taken.contains(where: { all[$0].overlap(all[index]) > overlapLimit }) {
                        continue
                    }
                    taken.append(index)
                    selected += [Int64(batch), Int64(category), Int64(index)]
                }
            }
        }
        return Tensor(selected, shape: try shape([selected.count / 3, 3]))
    }

    /// The one float of input `index`; nil when absent.
    private func number(ofInput index: Int) throws(EngineError) -> Float? {
        guard optionalInput(index) != nil else { return nil }
        try require(input: index, oneOf: [.float])
        return try contents(ofInput: index).elements(as: Float.self).first
    }
}

let nonMaxSuppressionOperators: [OperatorDefinition] = [
    computed("NonMaxSuppression", since: 10, inputs: 2...5) { context throws(EngineError) in
        [try context.selectedBoxes()]
    }
]
