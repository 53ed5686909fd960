// SPDX-License-Identifier: Apache-2.0

/// A window that is a sum of cosines: `a0 - a1 cos(2πn/N) + a2 cos(4πn/N)`, N being the size,
/// or one less for a window that ends as it begins.
private func window(_ name: String, _ a0: Float, _ a1: Float, _ a2: Float) -> SpecifiedFunction {
    SpecifiedFunction(
        name,
        since: 17,
        """
        \(name) <output_datatype: int = 1, periodic: int = 1> (size) => (window) {
            count = Cast <to = 1> (size)
            zero = Constant <value_float = 0.0> ()
            one = Constant <value_float = 1.0> ()
            p = Constant <value_int = @periodic> ()
            periodic = Cast <to = 1> (p)
            open = Sub (one, periodic)
            period = Sub (count, open)
            n = Range (zero, count, one)
            turn = Constant <value_float = 6.2831855> ()
            step = Div (turn, period)
            angle = Mul (n, step)
            double_angle = Add (angle, angle)
            a0 = Constant <value_float: float = \(a0)> ()
            a1 = Constant <value_float: float = \(a1)> ()
            a2 = Constant <value_float: float = \(a2)> ()
            cosine = Cos (angle)
            first = Mul (a1, cosine)
            double_cosine = Cos (double_angle)
            second = Mul (a2, double_cosine)
            lower = Sub (a0, first)
            sum = Add (lower, second)
            window = Cast <to = @output_datatype> (sum)
        }
        """
    )
}

/// Windows of signal processing.
let windowBodies: [SpecifiedFunction] = [
    window("HannWindow", 0.5, 0.5, 0),
    // 25/46 and 21/46, which put the first side lobe's zero where it helps most.
    window("HammingWindow", 25 / 46, 21 / 46, 0),
    window("BlackmanWindow", 0.42, 0.5, 0.08),
]
