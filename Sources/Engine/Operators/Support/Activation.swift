// SPDX-License-Identifier: Apache-2.0
import CKernels
import Tensors

/// A function of one float that has a vector form; see `serin_function`.
struct Activation: Sendable, Equatable {
    /// Raw, because what C declares is not known to be `Sendable`.
    let function: UInt32
    var alpha: Float = 0
    var beta: Float = 0

    static let identity = Activation(function: SERIN_IDENTITY.rawValue)

    /// Applies the function to `input`; both may be the same memory.
    func apply(_ input: View<Float>, to output: MutableView<Float>) {
        precondition(input.count <= output.count, "too little room")
        unsafe serin_map_f32(
            serin_function(rawValue: function),
            alpha,
            beta,
            input.count,
            input.pointer,
            output.pointer
        )
    }

    /// A step that does nothing else.
    var kernel: Kernel {
        { frame in apply(frame.input(0), to: frame.output(0)) }
    }
}
