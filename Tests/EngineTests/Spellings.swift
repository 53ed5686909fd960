// SPDX-License-Identifier: Apache-2.0

extension Spelling {
    static let all = gelu + activations + normalizations + moves

    private static let gelu = [
        Spelling(
            name: "erf-GELU as torch writes it",
            lines: "a = Div x root2\nb = Erf a\nc = Add b one\nd = Mul x c\ny = Mul d half",
            steps: ["Gelu"]
        ),
        Spelling(
            name: "erf-GELU, half first",
            lines: "a = Mul x inverseRoot2\nb = Erf a\nc = Add one b\nh = Mul half x\ny = Mul h c",
            steps: ["Gelu"]
        ),
        Spelling(
            name: "erf-GELU, half in the middle, divided by two",
            lines: "a = Div x root2\nb = Erf a\nc = Add b one\nh = Div c two\ny = Mul h x",
            steps: ["Gelu"]
        ),
        Spelling(
            name: "tanh-GELU by a power",
            lines: """
                p = Pow x three
                q = Mul p cubic
                s = Add x q
                t = Mul s slope
                u = Tanh t
                v = Add u one
                h = Mul x half
                y = Mul h v
                """,
            steps: ["Gelu"]
        ),
        Spelling(
            name: "tanh-GELU by products, x taken out",
            lines: """
                p = Mul x x
                q = Mul cubic p
                s = Add one q
                r = Mul slope x
                t = Mul r s
                u = Tanh t
                v = Add one u
                w = Mul x v
                y = Mul half w
                """,
            steps: ["Gelu"]
        ),
        Spelling(
            name: "GELU of a sum that is read elsewhere too",
            lines: """
                i = Add x shift
                a = Div i root2
                b = Erf a
                c = Add b one
                d = Mul i c
                g = Mul d half
                y = Add g i
                """,
            steps: ["Add", "Gelu", "Add"]
        ),
    ]

    private static let activations = [
        Spelling(name: "SiLU", lines: "a = Sigmoid x\ny = Mul a x", steps: ["Swish"]),
        Spelling(
            name: "quick GELU",
            lines: "m = Mul x alpha\na = Sigmoid m\ny = Mul x a",
            steps: ["Swish"]
        ),
        Spelling(
            name: "HardSwish",
            lines: "a = Add x three\nb = Clip a nought six\nc = Mul x b\ny = Div c six",
            steps: ["HardSwish"]
        ),
        Spelling(
            name: "HardSigmoid",
            lines: "a = Add x three\nb = Clip a nought six\ny = Mul b sixth",
            steps: ["HardSigmoid"]
        ),
        Spelling(name: "Mish", lines: "a = Softplus x\nb = Tanh a\ny = Mul x b", steps: ["Mish"]),
    ]

    private static let gap = "m = ReduceMean x last\nd = Sub x m\n"

    private static let normalizations = [
        Spelling(
            name: "LayerNorm as torch writes it",
            lines: gap + """
                s = Pow d two
                v = ReduceMean s last
                e = Add v tiny
                r = Sqrt e
                n = Div d r
                w = Mul n scale
                y = Add w shift
                """,
            steps: ["LayerNormalization"]
        ),
        Spelling(
            name: "LayerNorm with a second difference and a square by Mul",
            lines: gap + """
                d2 = Sub x m
                s = Mul d d
                v = ReduceMean s last
                e = Add tiny v
                r = Sqrt e
                n = Div d2 r
                w = Mul scale n
                y = Add shift w
                """,
            steps: ["LayerNormalization"]
        ),
        Spelling(
            name: "LayerNorm by Reciprocal, scale first",
            lines: gap + """
                s = Mul d d
                v = ReduceMean s last
                e = Add v tiny
                r = Sqrt e
                i = Reciprocal r
                g = Mul i scale
                w = Mul d g
                y = Add w shift
                """,
            steps: ["LayerNormalization"]
        ),
        Spelling(
            name: "LayerNorm by a power of -1/2 without bias",
            lines: gap + """
                s = Mul d d
                v = ReduceMean s last
                e = Add v tiny
                i = Pow e minusHalf
                n = Mul d i
                y = Mul n scale
                """,
            steps: ["LayerNormalization"]
        ),
        Spelling(
            name: "LayerNorm without scale and bias, then a sum",
            lines: gap + """
                s = Pow d two
                v = ReduceMean s last
                e = Add v tiny
                r = Sqrt e
                n = Div d r
                y = Add n x
                """,
            steps: ["LayerNormalization", "Add"]
        ),
        Spelling(
            name: "RMSNorm by Reciprocal, scale first",
            lines: """
                s = Pow x two
                v = ReduceMean s last
                e = Add v tiny
                r = Sqrt e
                i = Reciprocal r
                n = Mul x i
                y = Mul scale n
                """,
            steps: ["RMSNormalization"]
        ),
        Spelling(
            name: "RMSNorm by Div without scale",
            lines: """
                s = Mul x x
                v = ReduceMean s last
                e = Add v tiny
                r = Sqrt e
                y = Div x r
                """,
            steps: ["RMSNormalization"]
        ),
        Spelling(
            name: "BatchNormalization behind Gemm",
            lines: "h = Gemm x square shift\ny = BatchNormalization h scale shift mean variance",
            steps: ["Gemm"]
        ),
        Spelling(
            name: "BatchNormalization behind a turned Gemm without bias",
            lines: """
                h = Gemm x square transB:1
                y = BatchNormalization h scale shift mean variance
                """,
            steps: ["Gemm"]
        ),
    ]

    private static let moves = [
        Spelling(
            name: "two transpositions that undo each other",
            lines: "a = Transpose x perm:1,0\nb = Transpose a perm:1,0\ny = Relu b",
            steps: ["Relu"]
        ),
        Spelling(
            name: "concatenations of concatenations",
            lines: """
                a = Abs x
                b = Neg x
                c = Concat a b axis:1
                d = Concat x c axis:-1
                y = Concat d b axis:1
                """,
            steps: ["Abs", "Neg", "Concat"]
        ),
        Spelling(
            name: "a transposition of ones moves nothing",
            lines: """
                s = Unsqueeze x last
                a = Transpose s perm:0,2,1
                b = Squeeze a middle
                y = Relu b
                """,
            steps: ["Relu"]
        ),
        Spelling(
            name: "operators that change nothing",
            lines: """
                a = Mul x ones
                b = Div a one
                c = Sub b nought
                d = Concat c axis:1
                e = Tile d both
                f = Pad e pads
                g = Slice f zero far
                h = Reshape g flat
                i = Transpose h perm:0,1
                y = Relu i
                """,
            steps: ["Relu"]
        ),
        Spelling(
            name: "a reshaping by lengths that follow from the rows",
            lines: """
                s = Shape x
                n = Gather s zero
                l = Concat n halves axis:0
                r = Reshape x l
                t = Relu r
                y = Reshape t flat
                """,
            steps: ["Relu"]
        ),
        Spelling(
            name: "a stretching by lengths that follow from the rows",
            lines: """
                s = Shape x
                n = Gather s zero
                l = Concat n rest axis:0
                m = Abs l
                r = Expand one s
                y = Add r x
                """,
            steps: ["Lengths", "Expand", "Add"]
        ),
    ]

    static let left = [
        Spelling(
            name: "a concatenation that something else reads too",
            lines: "a = Concat x x axis:1\nb = Neg a\ny = Concat a b axis:1",
            steps: ["Concat", "Concat", "Neg"]
        ),
        Spelling(
            name: "concatenations along another axis",
            lines: """
                n = Neg x
                a = Concat x n axis:0
                b = Concat n x axis:0
                y = Concat a b axis:1
                """,
            steps: ["Concat", "Concat", "Concat", "Neg"]
        ),
        Spelling(
            name: "GELU with another divisor",
            lines: "a = Div x two\nb = Erf a\nc = Add b one\nd = Mul x c\ny = Mul d half",
            steps: ["Div", "Erf", "Add", "Mul", "Mul"]
        ),
        Spelling(
            name: "GELU whose inside is read elsewhere",
            lines: """
                a = Div x root2
                b = Erf a
                c = Add b one
                d = Mul x c
                e = Mul d half
                y = Add e b
                """,
            steps: ["Div", "Erf", "Add", "Mul", "Mul", "Add"]
        ),
        Spelling(
            name: "a mean over the rows",
            lines: """
                m = ReduceMean x first
                d = Sub x m
                s = Pow d two
                v = ReduceMean s first
                e = Add v tiny
                r = Sqrt e
                y = Div d r
                """,
            steps: ["ReduceMean", "Sub", "Pow", "ReduceMean", "Add", "Sqrt", "Div"]
        ),
        Spelling(
            name: "a gate on something else",
            lines: "r = Relu x\na = Sigmoid r\ny = Mul a x",
            steps: ["Relu", "Sigmoid", "Mul"]
        ),
        Spelling(
            name: "a slice that turns an axis round",
            lines: "y = Slice x back lowest last back",
            steps: ["Slice"]
        ),
    ]
}
