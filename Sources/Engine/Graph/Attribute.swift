// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// The value of a node's attribute.
package enum Attribute: Sendable {
    case float(Float)
    case integer(Int64)
    case string(String)
    case tensor(Tensor)
    case floats([Float])
    case integers([Int64])
    case strings([String])
    case graph(Subgraph)
    /// A kind that no operator here reads: sparse tensors, types.
    case other(String)

    var kindName: String {
        switch self {
        case .float: "a float"
        case .integer: "an integer"
        case .string: "a string"
        case .tensor: "a tensor"
        case .floats: "a list of floats"
        case .integers: "a list of integers"
        case .strings: "a list of strings"
        case .graph: "a graph"
        case .other(let name): name
        }
    }
}
