// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What a Resize node says about itself.
struct ResizeForm: Sendable {
    enum Mode: String, Sendable { case nearest, linear, cubic }
    enum Rounding: String, Sendable {
        case roundPreferFloor = "round_prefer_floor"
        case roundPreferCeil = "round_prefer_ceil"
        case floor
        case ceil
        /// Opset 10: up where the axis shrinks, else down.
        case simple
    }
    enum Coordinates: String, Sendable {
        case halfPixel = "half_pixel"
        case halfPixelSymmetric = "half_pixel_symmetric"
        case pytorchHalfPixel = "pytorch_half_pixel"
        case alignCorners = "align_corners"
        case asymmetric
        case cropAndResize = "tf_crop_and_resize"
        /// Opset 11 and 12.
        case halfPixelForNearest = "tf_half_pixel_for_nn"
    }

    /// One axis: its lengths, and how many outputs stand for one input.
    struct Axis: Sendable {
        let input: Dimension
        let output: Dimension
        let scale: Double
        /// The part of the input that is shown, from 0 to 1.
        let region: (start: Double, end: Double)

        var isUnchanged: Bool {
            input == output && scale == 1 && region.start == 0 && region.end == 1
        }
    }

    let mode: Mode
    let rounding: Rounding
    let coordinates: Coordinates
    let cubicCoefficient: Double
    let excludesOutside: Bool
    let isAntialiased: Bool
    let extrapolation: Float
    let axes: [Axis]

    init(_ context: NodeContext) throws(EngineError) {
        let isFirst = context.opset < 11
        mode = try context.named("mode", default: "nearest")
        rounding =
            isFirst ? .simple : try context.named("nearest_mode", default: "round_prefer_floor")
        coordinates =
            isFirst
            ? .asymmetric
            : try context.named("coordinate_transformation_mode", default: "half_pixel")
        cubicCoefficient = Double(try context.float("cubic_coeff_a", default: -0.75))
        excludesOutside = try context.integer("exclude_outside", default: 0) != 0
        isAntialiased = try context.integer("antialias", default: 0) != 0 && mode != .nearest
        extrapolation = try context.float("extrapolation_value", default: 0)
        axes = try Self.axes(context, isFirst: isFirst, crops: coordinates == .cropAndResize)
    }

    private static func axes(
        _ context: NodeContext,
        isFirst: Bool,
        crops: Bool
    ) throws(EngineError) -> [Axis] {
        let shape = try context.input(0).shape
        var named: [Int] = []
        for axis in try context.integers("axes") ?? Array(shape.indices) {
            named.append(try context.axis(axis, rank: shape.count))
        }
        guard Set(named).count == named.count else { throw context.failure("axes repeat") }
        var result = shape.map { Axis(input: $0, output: $0, scale: 1, region: (0, 1)) }
        var regions: [Float] = []
        if crops {
            regions = try context.numbers(ofInput: 1)
            guard regions.count == 2 * named.count else {
                throw context.failure(
                    "input 1 has \(regions.count) numbers, expected \(2 * named.count)"
                )
            }
        }
        let sizes = try targets(context, shape, named)
        let scales = sizes == nil ? try context.numbers(ofInput: isFirst ? 1 : 2) : []
        guard sizes != nil || scales.count == named.count else {
            throw context.failure(
                "\(scales.count) scales and no sizes, expected \(named.count) of either"
            )
        }
        for (index, axis) in named.enumerated() {
            let (output, scale) =
                if let sizes { sizes[index] } else {
                    try scaled(shape[axis], by: scales[index], context)
                }
            result[axis] = Axis(
                input: shape[axis],
                output: output,
                scale: scale,
                region: crops
                    ? (Double(regions[index]), Double(regions[named.count + index])) : (0, 1)
            )
        }
        return result
    }

    /// The length of an axis times its scale, rounded down in single precision as shape inference has it.
    private static func scaled(
        _ length: Dimension,
        by scale: Float,
        _ context: NodeContext
    ) throws(EngineError) -> (Dimension, Double) {
        guard scale > 0, scale.isFinite else { throw context.failure("a scale of \(scale)") }
        if scale == 1 { return (length, 1) }
        guard let fixed = length.fixed,
            let output = Int32(exactly: (Float(fixed) * scale).rounded(.down))
        else {
            throw context.failure("length \(length) times \(scale) cannot be planned")
        }
        return (Dimension(Int(output)), Double(scale))
    }

    /// What the `sizes` input asks for; nil when there is none.
    private static func targets(
        _ context: NodeContext,
        _ shape: [Dimension],
        _ axes: [Int]
    ) throws(EngineError) -> [(Dimension, Double)]? {
        guard let fact = context.optionalInput(3), fact.shape != [0],
            let sizes = try context.integers(ofInput: 3)
        else { return nil }
        guard sizes.count == axes.count else {
            throw context.failure("\(sizes.count) sizes, expected \(axes.count)")
        }
        let policy = try context.string("keep_aspect_ratio_policy", default: "stretch")
        var ratios: [Double] = []
        for (index, axis) in axes.enumerated() {
            if sizes[index] == shape[axis], policy == "stretch" {
                ratios.append(1)
                continue
            }
            guard let size = sizes[index].fixed, let length = shape[axis].fixed, size >= 0,
                length > 0, size < 1 << 31
            else {
                throw context.failure("axis \(axis) of \(shape) cannot become \(sizes[index])")
            }
            ratios.append(Double(size) / Double(length))
        }
        guard policy != "stretch" else { return Array(zip(sizes, ratios)) }
        let least = policy == "not_larger"
        guard least || policy == "not_smaller", let scale = least ? ratios.min() : ratios.max()
        else {
            throw context.failure(
                "keep_aspect_ratio_policy is '\(policy)'",
                kind: .invalidGraph
            )
        }
        return try axes.map { axis throws(EngineError) in
            let exact = (scale * Double(shape[axis].constant) + 0.5).rounded(.down)
            guard let length = Int32(exactly: exact) else {
                throw context.failure("axis \(axis) of \(shape) times \(scale) is beyond reason")
            }
            return (Dimension(Int(length)), scale)
        }
    }
}

extension NodeContext {
    /// A string attribute that is one of the cases of `Name`.
    func named<Name: RawRepresentable>(
        _ attribute: String,
        default name: String
    ) throws(EngineError) -> Name where Name.RawValue == String {
        let text = try string(attribute, default: name)
        guard let value = Name(rawValue: text) else {
            throw failure("\(attribute) is '\(text)', which is not known", kind: .unsupported)
        }
        return value
    }

    /// The numbers of a small floating-point input; none when it is left out.
    func numbers(ofInput index: Int) throws(EngineError) -> [Float] {
        guard optionalInput(index) != nil else { return [] }
        let tensor = try contents(ofInput: index)
        switch tensor.type {
        case .float: return tensor.elements(as: Float.self)
        case .double: return tensor.elements(as: Double.self).map { Float($0) }
        case .float16: return tensor.elements(as: Float16.self).map { Float($0) }
        case let type: throw failure("input \(index) is \(type), expected numbers")
        }
    }
}
