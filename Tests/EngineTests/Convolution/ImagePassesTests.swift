// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@testable import Engine

/// The passes for nets over images: each may be left out, and nothing changes but the speed.
@Suite struct ImagePassesTests {
    /// Nets, one node a line: `y = Conv x w group=2 pads=1,1,1,1`.
    static let nets = [
        // A first layer, its normalisation, a bottleneck with depthwise, gate and residual.
        """
        a = Conv x w3 strides=2,2 pads=1,1,1,1
        b = BatchNormalization a s8 t8 m8 v8
        c = Relu b
        d = Conv c w8to8 b8
        e = HardSwish d
        f = Conv e depth8 b8 group=8 pads=1,1,1,1
        g = Clip f nought six
        h = GlobalAveragePool g
        i = Conv h w8to8 b8
        j = HardSigmoid i
        k = Mul g j
        l = Conv k w8to8
        m = BatchNormalization l s8 t8 m8 v8
        n = Add m c
        y = Relu n
        """,
        // Pools, a concatenation, a dense block, a transposed convolution, planes at the end.
        """
        a = Conv x w3 pads=1,1,1,1
        b = MaxPool a kernel_shape=3,3 strides=2,2 pads=1,1,1,1
        c = AveragePool a kernel_shape=3,3 strides=2,2 pads=1,1,1,1
        d = Concat b c axis=1
        e = BatchNormalization d s16 t16 m16 v16
        f = Relu e
        g = Conv f w16to8 group=2
        h = Sigmoid g
        i = Mul g h
        j = ConvTranspose i turned8 b8 strides=2,2
        k = Mul j channel8
        l = ReduceMean k axes=2,3 keepdims=0
        o = Transpose k perm=0,2,3,1
        p = ReduceMean o axes=1,2 keepdims=0
        y = Add l p
        """,
        // An image read both by an operator that follows and by one that does not.
        """
        a = Conv x w3 b8
        b = Relu a
        c = Softmax a axis=3
        d = Add b c
        e = Conv d w8to8
        y = Sub e a
        """,
        // Two inverted residuals over a large image, the first of which begins the net.
        """
        a = Conv x w3to32 pads=1,1,1,1
        b = Clip a nought six
        c = Conv b depth32 pads=1,1,1,1 group=32 strides=2,2
        d = Relu c
        e = Conv d w32to8 b8
        f = Conv e w8to32
        g = Clip f nought six
        h = Conv g depth32 pads=1,1,1,1 group=32
        i = Clip h nought six
        j = Conv i w32to8 b8
        y = Add j e
        """,
    ]

    /// The height and width of a net's image.
    private static func size(of net: Int) -> [Int64] { net == 3 ? [130, 126] : [9, 11] }

    @Test(arguments: nets.indices)
    func `leaving a pass out changes no answer`(net: Int) throws {
        let model = Self.model(net).bytes
        let plain = try Self.run(model, without: Set(Pass.names))
        #expect(plain.contains { $0 != 0 })
        // A large image takes its time, and other passes do not look at it.
        let names = Pass.names.filter { net != 3 || $0.hasPrefix("convolution-") }
        for left in [[]] + names.map({ [$0] }) {
            let answer = try Self.run(model, without: Set(left))
            #expect(answer.count == plain.count)
            for (got, want) in zip(answer, plain) {
                #expect(abs(got - want) <= 1e-4 * max(1, abs(want)), "without \(left)")
            }
        }
    }

    @Test(arguments: nets.indices)
    func `an image's bits do not depend on the images beside it`(net: Int) throws {
        let model = Self.model(net).bytes
        let together = try Self.run(model, rows: 3)
        let alone = try Self.run(model, rows: 1)
        #expect(Array(together[..<alone.count]) == alone)
    }

    @Test func `a convolution, its normalisation, sum and activation are one step`() throws {
        let program = try Program(model: Self.model(0).bytes.span)
        #expect(
            program.plan.steps.map(\.operator)
                == ["Conv", "Conv", "Conv", "GlobalAveragePool", "Conv", "Mul", "Conv", "ToPlanes"]
        )
    }

    @Test func `blocks over a large image are one step each, with the same bits`() throws {
        let model = Self.model(3).bytes
        func plan(without disabledPasses: Set<String>) throws -> Plan {
            let options = ProgramOptions(maximumRows: 4, disabledPasses: disabledPasses)
            return try Program(model: model.span, options: options).plan
        }
        let blocks = try plan(without: [])
        let convolutions = try plan(without: ["convolution-blocks"])
        #expect(blocks.steps.map(\.operator) == ["ConvBlock", "ConvBlock", "ToPlanes"])
        #expect(convolutions.steps.count == 7)
        #expect(blocks.arenaByteCount < convolutions.arenaByteCount)
        let answers = try Self.run(model)
        #expect(answers == (try Self.run(model, without: ["convolution-blocks"])))
    }

    private static func run(
        _ model: [UInt8],
        without disabledPasses: Set<String> = [],
        rows: Int = 2
    ) throws -> [Float] {
        let options = ProgramOptions(maximumRows: 4, disabledPasses: disabledPasses)
        let session = try Session(try Program(model: model.span, options: options))
        session.begin(rows: rows)
        session.withInput(0, as: Float.self) { input in
            for index in input.indices { input[index] = Float(index * 37 % 101) / 50 - 1 }
        }
        #expect(session.run() == nil)
        return try #require(session.output(0).tensor).elements(as: Float.self)
    }

    private static func model(_ net: Int) -> ModelText {
        func numbers(_ count: Int, _ seed: Int) -> [Float] {
            (0..<count).map { Float(($0 &* 7919 &+ seed) % 97) / 97 - 0.5 }
        }
        var tensors: [(String, [Int64], [Float])] = []
        for (name, shape) in [
            ("w3", [8, 3, 3, 3]), ("w8to8", [8, 8, 1, 1]), ("depth8", [8, 1, 3, 3]),
            ("w16to8", [8, 8, 3, 3]), ("turned8", [8, 8, 3, 3]), ("b8", [8]),
            ("channel8", [8, 1, 1]), ("s8", [8]), ("t8", [8]), ("m8", [8]), ("s16", [16]),
            ("t16", [16]), ("m16", [16]), ("w3to32", [32, 3, 3, 3]), ("depth32", [32, 1, 3, 3]),
            ("w32to8", [8, 32, 1, 1]), ("w8to32", [32, 8, 1, 1]),
        ] as [(String, [Int64])] {
            let count = Int(shape.reduce(1, *))
            tensors.append((name, shape, numbers(count, name.utf8.count * 31)))
        }
        tensors.append(("v8", [8], numbers(8, 3).map { $0 + 1 }))
        tensors.append(("v16", [16], numbers(16, 5).map { $0 + 1 }))
        tensors += [("nought", [], [0]), ("six", [], [6])]
        return ModelText(
            nodes: nets[net].split(separator: "\n").map { line in
                let words = line.split(separator: " ").map(String.init)
                return ModelText.Node(
                    name: words[0],
                    operatorName: words[2],
                    inputs: words[3...].filter { !$0.contains("=") },
                    outputs: [words[0]],
                    attributes: { writer in
                        for text in words[3...] where text.contains("=") {
                            write(text, to: &writer)
                        }
                    }
                )
            },
            inputs: [("x", [-1, 3] + size(of: net))],
            initializers: tensors
        )
    }

    /// `axis=1` is an integer, but for the attributes that are lists.
    private static func write(_ text: String, to writer: inout WireWriter) {
        let parts = text.split(separator: "=").map(String.init)
        let list = parts[1].split(separator: ",").compactMap { Int64($0) }
        writer.message(5) { attribute in
            attribute.text(1, parts[0])
            if list.count > 1 {
                for number in list { attribute.integer(8, number) }
                attribute.integer(20, 7)
            } else {
                attribute.integer(3, list[0])
                attribute.integer(20, 2)
            }
        }
    }
}
