// SPDX-License-Identifier: Apache-2.0

extension NodeContext {
    /// How many axes of input 0 lie behind those of input 1.
    ///
    /// Since opset 7 the last axes of both stand together. Before, the attribute 'broadcast' allowed
    /// input 1 to be stretched, from the axis that 'axis' names on; PRelu took its slopes for channels,
    /// axis 1.
    func trailingAxes() throws(EngineError) -> Int {
        guard opset < 7 else { return 0 }
        let (left, right) = (try input(0).rank, try input(1).rank)
        if operatorName == "PRelu" {
            let slopes = try input(1).shape
            return right == 1 && left > 2 && slopes != [1] ? left - 2 : 0
        }
        guard try integer("broadcast", default: 0) != 0, has("axis") else { return 0 }
        let axis = try self.axis(integer("axis", default: 0), rank: max(left, 1))
        guard axis + right <= left else {
            throw failure("\(right) axes from axis \(axis) on do not fit into \(left)")
        }
        return left - axis - right
    }

    /// The shape of inputs 0 and 1 stretched to each other.
    func operandsShape() throws(EngineError) -> [Dimension] {
        let (left, right) = (try input(0).shape, try input(1).shape)
        let shape = try broadcast([
            left, right + Array(repeating: 1, count: try trailingAxes()),
        ])
        guard opset >= 7 && operatorName != "PRelu" || shape == left else {
            throw failure("\(right) cannot be stretched to \(left)")
        }
        return shape
    }
}
