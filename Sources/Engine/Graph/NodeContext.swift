// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// What an operator is told about the node it is asked to understand: attributes, and facts of its inputs.
///
/// While facts are inferred, `outputs` is empty; while the node is compiled it holds what
/// inference returned.
package struct NodeContext {
    package let name: String
    package let operatorName: String
    package let domain: String
    /// The version of the domain's operator set that the model imports.
    package let opset: Int
    package let attributes: [String: Attribute]
    /// One entry an input as the node writes it; nil where an optional input is left out.
    package let inputs: [Fact?]
    /// Behind these stand the values that graphs in the attributes read.
    package let writtenInputCount: Int
    /// How many outputs the node names.
    package let outputCount: Int
    package var outputs: [Fact]
    private(set) var scratch = Dimension(0)
    private(set) var unreadInputs: Set<Int> = []
    private(set) var keptByteCount = 0
    /// Whether large matrices may be packed after the model is made ready; see `LateMatrix`.
    var packsLater = false
    private(set) var lateMatrices: [LateMatrix] = []
    /// The most rows of a run, while the node is compiled.
    var maximumRows = 1
    /// The most operations that the node may take in a run; see `StepWork`.
    var mostWork = ProgramOptions.usualWorkPerStep
    /// Graphs made ready to run inside this step.
    private(set) var children: [Program] = []
    /// The number of the first of them among those of the whole program.
    var firstChild = 0
    /// By output the inputs whose memory it may take over, the best first.
    private(set) var reusableInputs: [Int: [Int]] = [:]

    package init(
        name: String,
        operatorName: String,
        domain: String,
        opset: Int,
        attributes: [String: Attribute],
        inputs: [Fact?],
        writtenInputCount: Int? = nil,
        outputCount: Int,
        outputs: [Fact] = []
    ) {
        (self.name, self.operatorName, self.domain) = (name, operatorName, domain)
        (self.opset, self.attributes, self.inputs) = (opset, attributes, inputs)
        (self.outputCount, self.outputs) = (outputCount, outputs)
        self.writtenInputCount = writtenInputCount ?? inputs.count
    }

    // MARK: Inputs

    /// No operator has more lengths, axes or pads to be told; Split has one for each output.
    private static let mostIntegers = 1 << 12

    /// The fact of input `index`, which has to be there.
    package func input(_ index: Int) throws(EngineError) -> Fact {
        guard index < inputs.count, let fact = inputs[index] else {
            throw failure("input \(index) is missing")
        }
        return fact
    }

    /// The fact of input `index`, when there is one.
    package func optionalInput(_ index: Int) -> Fact? {
        index < inputs.count ? inputs[index] : nil
    }

    /// Input `index` as whole numbers that may depend on the number of rows; nil when absent.
    package func integers(ofInput index: Int) throws(EngineError) -> [Dimension]? {
        guard let fact = optionalInput(index) else { return nil }
        if let count = fact.shape.elementCount?.fixed, count > Self.mostIntegers {
            throw failure(
                "input \(index) has \(count) numbers, expected lengths or axes, \(Self.mostIntegers) at most"
            )
        }
        guard let integers = fact.integers ?? longIntegers(fact.constant) else {
            throw needsContents(ofInput: index)
        }
        return integers
    }

    /// Everything that input `index` holds, for an operator whose shapes or work follow from it.
    ///
    /// - Throws: `EngineError.Kind.needsContents` before the model runs, where the input is not constant;
    ///   the node is then asked again during the run, when the contents are there.
    package func contents(ofInput index: Int) throws(EngineError) -> Tensor {
        guard let contents = try input(index).constant else { throw needsContents(ofInput: index) }
        return contents
    }

    private func needsContents(ofInput index: Int) -> EngineError {
        failure(
            "input \(index) decides how the node works, and its contents are only known while the model runs",
            kind: .needsContents(input: index)
        )
    }

    /// Input `index` as whole numbers known now; nil when absent.
    package func fixedIntegers(ofInput index: Int) throws(EngineError) -> [Int]? {
        guard let integers = try integers(ofInput: index) else { return nil }
        guard let fixed = integers.fixed else {
            throw failure("input \(index) depends on the number of rows", kind: .unsupported)
        }
        return fixed
    }

    private func longIntegers(_ tensor: Tensor?) -> [Dimension]? {
        switch tensor?.type {
        case .int64: tensor?.elements(as: Int64.self).map { Dimension(Int($0)) }
        case .int32: tensor?.elements(as: Int32.self).map { Dimension(Int($0)) }
        default: nil
        }
    }

    /// Checks the type of input `index` against what the operator is built for.
    package func require(
        input index: Int,
        oneOf types: Set<DataType>
    ) throws(EngineError) {
        let type = try input(index).type
        guard types.contains(type) else {
            let known = types.map(\.description).sorted().joined(separator: ", ")
            throw failure(
                "input \(index) is \(type), expected one of \(known)",
                kind: .unsupported
            )
        }
    }

    /// The same node for a known number of rows.
    func fixed(rows: Int) -> NodeContext {
        func fixed(_ dimension: Dimension) -> Dimension {
            dimension.value(rows: rows).map { Dimension($0) } ?? dimension
        }
        return knowing(
            inputs.map { fact in
                guard var known = fact else { return nil }
                known.shape = known.shape.map(fixed)
                known.integers = known.integers.map { $0.map(fixed) }
                return known
            }
        )
    }

    /// The same node with other facts of its inputs, not yet compiled.
    func knowing(_ inputs: [Fact?]) -> NodeContext {
        var context = NodeContext(
            name: name,
            operatorName: operatorName,
            domain: domain,
            opset: opset,
            attributes: attributes,
            inputs: inputs,
            writtenInputCount: writtenInputCount,
            outputCount: outputCount
        )
        context.mostWork = mostWork
        return context
    }

    /// How much the compiled node has to do in a run of `rows` rows, which is within what it may.
    func work(rows: Int) throws(EngineError) -> Int {
        let work = try StepWork(self, rows: rows).total
        guard work <= mostWork else { throw StepWork.refusal(of: self, work, limit: mostWork) }
        return work
    }

    // MARK: Attributes

    package func has(_ name: String) -> Bool { attributes[name] != nil }

    package func integer(_ name: String, default value: Int) throws(EngineError) -> Int {
        switch attributes[name] {
        case nil: return value
        case .integer(let number): return Int(number)
        case .some(let other): throw wrongKind(name, other, "an integer")
        }
    }
    package func float(_ name: String, default value: Float) throws(EngineError) -> Float {
        switch attributes[name] {
        case nil: return value
        case .float(let number): return number
        case .some(let other): throw wrongKind(name, other, "a float")
        }
    }
    package func string(_ name: String, default value: String) throws(EngineError) -> String {
        switch attributes[name] {
        case nil: return value
        case .string(let text): return text
        case .some(let other): throw wrongKind(name, other, "a string")
        }
    }
    package func integers(_ name: String) throws(EngineError) -> [Int]? {
        switch attributes[name] {
        case nil: return nil
        case .integers(let list): return list.map { Int($0) }
        case .some(let other): throw wrongKind(name, other, "a list of integers")
        }
    }
    package func floats(_ name: String) throws(EngineError) -> [Float]? {
        switch attributes[name] {
        case nil: return nil
        case .floats(let list): return list
        case .some(let other): throw wrongKind(name, other, "a list of floats")
        }
    }
    package func strings(_ name: String) throws(EngineError) -> [String]? {
        switch attributes[name] {
        case nil: return nil
        case .strings(let list): return list
        case .some(let other): throw wrongKind(name, other, "a list of strings")
        }
    }
    package func tensor(_ name: String) throws(EngineError) -> Tensor? {
        switch attributes[name] {
        case nil: return nil
        case .tensor(let tensor): return tensor
        case .some(let other): throw wrongKind(name, other, "a tensor")
        }
    }

    // MARK: What a compiled node needs

    /// Asks for `bytes` of scratch memory during this step, lent by `Frame.scratch`.
    package mutating func reserveScratch(bytes: Dimension) { scratch = bytes }

    /// Says that the kernel does not read constant input `index`, so that its memory can go.
    package mutating func leaveUnread(input index: Int) { unreadInputs.insert(index) }

    /// Counts memory that the kernel keeps for itself, such as packed weights, among the constants.
    package mutating func keep(byteCount: Int) { keptByteCount += byteCount }

    /// Counts a matrix that is packed later, and has the program pack it.
    mutating func keep(_ matrix: LateMatrix) {
        keep(byteCount: matrix.byteCount)
        lateMatrices.append(matrix)
    }

    /// Takes over a graph that the kernel runs, in scratch of its own.
    ///
    /// - Returns: its number, for `Frame.child`.
    mutating func adopt(_ child: Program) -> Int {
        children.append(child)
        keep(byteCount: child.plan.constantsByteCount)
        reserveScratch(bytes: Dimension(child.plan.arenaByteCount))
        return firstChild + children.count - 1
    }

    /// Says that `output` may be written over `input`, where nothing reads that input later.
    ///
    /// The kernel promises to write element i of the output only after it has read element i of
    /// the input, and to read no other element of that input whose place it has already written.
    /// Where the two are not equally large, as one is stretched, nothing comes of it.
    package mutating func mayReuse(input: Int, forOutput output: Int = 0) {
        guard let fact = optionalInput(input), outputs.indices.contains(output),
            let width = fact.type.byteWidth, fact.type != .string,
            outputs[output].type != .string, outputs[output].type.byteWidth == width,
            let count = fact.shape.elementCount, count == outputs[output].shape.elementCount
        else { return }
        reusableInputs[output, default: []].append(input)
    }

    // MARK: Errors

    /// An error at this node.
    package func failure(
        _ problem: String,
        kind: EngineError.Kind = .invalidShape,
        remedy: String? = nil
    ) -> EngineError {
        EngineError(kind, problem, node: "'\(name)' (\(operatorName))", remedy: remedy)
    }

    private func wrongKind(
        _ name: String,
        _ found: Attribute,
        _ expected: String
    ) -> EngineError {
        failure(
            "attribute '\(name)' is \(found.kindName), expected \(expected)",
            kind: .invalidGraph
        )
    }
}
