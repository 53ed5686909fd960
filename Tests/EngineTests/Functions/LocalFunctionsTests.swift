// SPDX-License-Identifier: Apache-2.0
import Engine
import Tensors
import Testing

/// Files with functions and sparse tensors, from bytes to answers.
@Suite struct LocalFunctionsTests {
    /// `y = Scaled(x)`, its body `LeakyRelu` whose slope is the function's attribute.
    private func model(slope: Float?, default value: Float?, opset: Int64 = 17) -> [UInt8] {
        @Sendable func float(_ name: String, _ number: Float, _ writer: inout WireWriter) {
            writer.text(1, name)
            writer.varint(2 << 3 | 5)
            for shift in 0..<4 {
                writer.bytes.append(UInt8(truncatingIfNeeded: number.bitPattern >> (8 * shift)))
            }
            writer.integer(20, 1)
        }
        let call = ModelText.Node(
            name: "call",
            operatorName: "Scaled",
            inputs: ["x"],
            outputs: ["y"],
            domain: "com.example",
            attributes: { writer in
                if let slope { writer.message(5) { float("slope", slope, &$0) } }
            }
        )
        var writer = WireWriter()
        writer.bytes = ModelText(nodes: [call]).bytes
        writer.message(8) { imported in
            imported.text(1, "com.example")
            imported.integer(2, 1)
        }
        writer.message(25) { function in
            function.text(1, "Scaled")
            function.text(4, "a")
            function.text(5, "b")
            function.text(10, "com.example")
            function.message(9) { $0.integer(2, opset) }
            if let value {
                function.message(11) { float("slope", value, &$0) }
            } else {
                function.text(6, "slope")
            }
            function.message(7) { node in
                node.text(1, "a")
                node.text(2, "b")
                node.text(4, "LeakyRelu")
                node.message(5) { attribute in
                    attribute.text(1, "alpha")
                    attribute.text(21, "slope")
                    attribute.integer(20, 1)
                }
            }
        }
        return writer.bytes
    }

    private func answer(_ bytes: [UInt8]) throws -> [Float] {
        let session = try Session(try Program(model: bytes.span))
        session.begin(rows: 1)
        #expect(session.setInput(0, to: Tensor([-8, 0, 2, -1] as [Float], shape: [1, 4])))
        #expect(session.run() == nil)
        return session.withOutput(0, as: Float.self) { span in span.indices.map { span[$0] } }
    }

    static let slopes: [(given: Float?, default: Float?, used: Float)] = [
        (0.5, nil, 0.5), (0.5, 0.25, 0.5), (nil, 0.25, 0.25), (nil, nil, 0.01),
    ]

    @Test(arguments: slopes)
    func `an attribute is the call's, else the function's, else the operator's default`(
        given: Float?,
        default value: Float?,
        used: Float
    ) throws {
        #expect(
            try answer(model(slope: given, default: value)) == [-8 * used, 0, 2, -used]
        )
    }

    @Test func `a function for a version too new is refused`() {
        let bytes = model(slope: nil, default: nil, opset: 99)
        do throws(EngineError) {
            _ = try Program(model: bytes.span)
            Issue.record("it loads")
        } catch {
            #expect(error.problem.contains("version 99"), "\(error)")
        }
    }

    @Test func `a file with functions cut at any byte is refused or runs`() {
        let bytes = model(slope: 0.5, default: 0.25)
        for end in bytes.indices {
            let part = Array(bytes[..<end])
            do throws(EngineError) {
                _ = try Program(model: part.span)
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
    }

    @Test func `sparse initialisers count before they are written out`() {
        var writer = WireWriter()
        writer.integer(1, 8)
        writer.message(7) { graph in
            for index in 0..<40 {
                graph.message(15) { sparse in
                    sparse.message(1) { values in
                        values.integer(1, 0)
                        values.integer(2, 1)
                        values.text(8, "w\(index)")
                    }
                    sparse.message(2) { indices in
                        indices.integer(1, 0)
                        indices.integer(2, 7)
                    }
                    sparse.integer(3, 1 << 26)
                }
            }
            graph.message(12) { $0.text(1, "w0") }
        }
        writer.message(8) { $0.integer(2, 17) }
        do throws(EngineError) {
            _ = try Program(model: writer.bytes.span)
            Issue.record("it loads")
        } catch {
            #expect(error.kind == .memoryLimit(requested: 40 << 28, available: 1 << 30), "\(error)")
        }
    }
}
