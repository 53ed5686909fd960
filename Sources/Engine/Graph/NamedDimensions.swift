// SPDX-License-Identifier: Apache-2.0
import ONNX

/// The lengths that the names of input axes stand for: equal names are equal lengths.
///
/// A name gets its length from `ProgramOptions.dimensions`, or from a shape that is stated for one
/// of the inputs that use it. The name of the first open first axis is the number of rows,
/// wherever else it stands: recurrent networks have it second in their state.
struct NamedDimensions {
    private var lengths: [String: Dimension] = [:]

    /// - Throws: `EngineError` where a name is no input's, or a stated shape says otherwise.
    init(_ inputs: [ValueInfo], _ options: ProgramOptions) throws(EngineError) {
        var names: Set<String> = []
        var ambiguous: Set<String> = []
        for input in inputs {
            let stated = options.shapes[input.name]
            for (axis, name) in input.axisNames {
                names.insert(name)
                guard let stated, stated.indices.contains(axis), stated[axis] >= 0 else { continue }
                let length = Dimension(stated[axis])
                if let wanted = options.dimensions[name], wanted != stated[axis] {
                    throw EngineError(
                        .invalidShape,
                        "dimension '\(name)' is set to \(wanted), the shape stated for input '\(input.name)' has \(stated[axis])"
                    )
                }
                // Some files give one name to axes that differ; then the name says nothing.
                if lengths.updateValue(length, forKey: name) ?? length != length {
                    ambiguous.insert(name)
                }
            }
        }
        for name in ambiguous { lengths[name] = nil }
        for (name, length) in options.dimensions.sorted(by: { $0.key < $1.key }) {
            guard names.contains(name) else {
                let known = names.sorted().map { "'\($0)'" }.joined(separator: ", ")
                throw EngineError(
                    .invalidShape,
                    "a length is given for dimension '\(name)', which no input has",
                    remedy: names.isEmpty ? nil : "the names are \(known)"
                )
            }
            guard length >= 0 else {
                throw EngineError(.invalidShape, "dimension '\(name)' is set to \(length)")
            }
            lengths[name] = Dimension(length)
        }
        let rows = inputs.lazy
            .filter { options.shapes[$0.name]?.first ?? -1 < 0 }
            .compactMap { $0.axisNames.first { $0.axis == 0 }?.name }
            .first { lengths[$0] == nil }
        if let rows, !ambiguous.contains(rows) { lengths[rows] = .rows }
    }

    subscript(_ name: String) -> Dimension? { lengths[name] }
}

extension ValueInfo {
    /// The axes of a tensor that have a name instead of a length.
    fileprivate var axisNames: [(axis: Int, name: String)] {
        guard case .tensor(_, let shape?) = type else { return [] }
        return shape.enumerated().compactMap { axis, dimension in
            if case .named(let name) = dimension { (axis, name) } else { nil }
        }
    }
}
