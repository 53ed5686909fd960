// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A floating-point element of an image, and the type in which it is summed.
protocol Sample: Scalar, SendableMetatype {
    associatedtype Sum: Real
    var sum: Sum { get }
    init(sum: Sum)
}

extension Float: Sample {
    @inline(__always) var sum: Float { self }
    @inline(__always) init(sum: Float) { self = sum }
}
extension Double: Sample {
    @inline(__always) var sum: Double { self }
    @inline(__always) init(sum: Double) { self = sum }
}
extension Float16: Sample {
    @inline(__always) var sum: Float { Float(self) }
    @inline(__always) init(sum: Float) { self = Float16(sum) }
}
extension BFloat16: Sample {
    @inline(__always) var sum: Float { float }
    @inline(__always) init(sum: Float) { self = BFloat16(sum) }
}

/// A kernel that exists for every floating-point type.
protocol SampleKernel: Sendable {
    func make<T: Sample>(_: T.Type) -> Kernel
}

extension SampleKernel {
    @inline(__always)
    func kernel(for type: DataType) -> Kernel {
        switch type {
        case .double: make(Double.self)
        case .float16: make(Float16.self)
        case .bfloat16: make(BFloat16.self)
        default: make(Float.self)
        }
    }
}

extension Set<DataType> {
    static let samples: Set = [.float, .double, .float16, .bfloat16]
}
