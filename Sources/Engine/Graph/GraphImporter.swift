// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors

/// Turns the file's graph, which goes by names, into a `Graph`, which goes by numbers, and checks it on the way.
struct GraphImporter {
    private(set) var graph = Graph()
    private var ids: [String: Graph.ValueID] = [:]
    private let opsets: [String: Int]
    private let options: ProgramOptions
    private let table: OperatorTable
    /// Of the file's bytes, in which large tensors stay until a kernel packs them.
    let loan: TensorLoan

    /// The newest operator sets whose forms are known.
    static let newestOpsets = ["": 28, "ai.onnx.ml": 5]

    static func importGraph(
        of model: ModelProto,
        bytes: Span<UInt8>,
        options: ProgramOptions,
        table: OperatorTable,
        loan: TensorLoan
    ) throws(EngineError) -> Graph {
        for (domain, newest) in newestOpsets {
            guard let version = model.opsets[domain], version > newest else { continue }
            throw EngineError(
                .unsupported,
                "the model imports version \(version) of \(domain.isEmpty ? "ai.onnx" : domain), the newest known is \(newest)",
                remedy: "export it with opset \(newest) or earlier"
            )
        }
        var importer = GraphImporter(opsets: model.opsets, options, table, loan)
        let proto = try FunctionExpander.expand(model, bytes: bytes, table: table)
        let unfolded = proto.unfoldedByteCount
        guard unfolded <= options.memoryLimit else {
            throw EngineError(
                .memoryLimit(requested: unfolded, available: options.memoryLimit),
                "the sparse tensors, written out, and those in other files take \(unfolded) bytes, the limit is \(options.memoryLimit)"
            )
        }
        try importer.addConstants(proto, bytes)
        try importer.addInputs(proto)
        guard !proto.outputs.isEmpty else {
            throw EngineError(.invalidGraph, "the graph has no outputs")
        }
        try importer.addNodes(proto, bytes)
        try importer.addOutputs(proto)
        return importer.graph
    }

    private init(
        opsets: [String: Int],
        _ options: ProgramOptions,
        _ table: OperatorTable,
        _ loan: TensorLoan
    ) {
        (self.opsets, self.options, self.table) = (opsets, options, table)
        self.loan = loan
    }

    /// A graph inside a node, as a graph of its own that takes what it reads from around it as inputs.
    ///
    /// - Parameters:
    ///   - proto: the graph.
    ///   - places: where among the node's inputs each name from around it stands.
    ///   - bytes: the file.
    /// - Returns: the graph; what it reads from around it are its last inputs.
    /// - Throws: `EngineError`, as for the whole model.
    func subgraph(
        _ proto: GraphProto,
        places: [String: Int],
        _ bytes: Span<UInt8>
    ) throws(EngineError) -> Subgraph {
        var importer = GraphImporter(opsets: opsets, options, table, loan)
        try importer.addConstants(proto, bytes)
        for input in proto.inputs {
            importer.graph.inputs.append(try importer.define(input.name, by: "an input"))
        }
        let free = proto.freeNames
        for name in free {
            importer.graph.inputs.append(try importer.define(name, by: "the graph around it"))
        }
        try importer.addNodes(proto, bytes)
        try importer.addOutputs(proto)
        return Subgraph(
            graph: importer.graph,
            formalCount: proto.inputs.count,
            captures: free.compactMap { places[$0] }
        )
    }

    private mutating func define(
        _ name: String,
        fact: Fact? = nil,
        by maker: String
    ) throws(EngineError) -> Graph.ValueID {
        let id = graph.addValue(named: name, fact: fact)
        guard !name.isEmpty else { return id }
        guard ids.updateValue(id, forKey: name) == nil else {
            throw EngineError(.invalidGraph, "value '\(name)' is made twice, again by \(maker)")
        }
        return id
    }

    private mutating func addConstants(
        _ proto: GraphProto,
        _ bytes: Span<UInt8>
    ) throws(EngineError) {
        for initializer in proto.initializers {
            let tensor = try reading { () throws(ReadError) in
                try initializer.tensor(in: bytes, lentBy: loan)
            }
            _ = try define(initializer.name, fact: Fact(tensor), by: "an initialiser")
        }
        for initializer in proto.sparseInitializers {
            let tensor = try reading { () throws(ReadError) in
                try initializer.tensor(in: bytes, lentBy: loan)
            }
            _ = try define(initializer.name, fact: Fact(tensor), by: "an initialiser")
        }
    }

    private mutating func addInputs(_ proto: GraphProto) throws(EngineError) {
        let constants = Set(proto.initializers.map(\.name))
            .union(proto.sparseInitializers.map(\.name))
        var seen: Set<String> = []
        let names = try NamedDimensions(
            proto.inputs.filter { !constants.contains($0.name) },
            options
        )
        for input in proto.inputs {
            guard seen.insert(input.name).inserted else {
                throw EngineError(.invalidGraph, "input '\(input.name)' is declared twice")
            }
            // Before IR version 4 every initialiser was also listed as an input.
            guard !constants.contains(input.name) else { continue }
            if let bound = options.constants[input.name] {
                _ = try define(input.name, fact: Fact(bound), by: "an input")
                continue
            }
            if case .tensor = input.type {
                let fact = try fact(ofInput: input, names)
                graph.inputs.append(try define(input.name, fact: fact, by: "an input"))
            } else {
                guard input.type != .absent, input.type != .sparseTensor else {
                    throw EngineError(.unsupported, "input '\(input.name)' declares no known type")
                }
                // Sequences, maps and optionals are only known while the model runs.
                graph.inputs.append(try define(input.name, by: "an input"))
                graph.declared[input.name] = input.declaredFact
            }
        }
        if let unknown = options.constants.keys.sorted().first(where: { !seen.contains($0) }) {
            throw EngineError(
                .invalidShape,
                "a constant is given for '\(unknown)', which is no input of the model"
            )
        }
        for name in options.shapes.keys.sorted()
        where options.constants[name] == nil
            && !graph.inputs.contains(where: { graph[$0].name == name })
        {
            let known = graph.inputs.map { "'\(graph[$0].name)'" }.joined(separator: ", ")
            throw EngineError(
                .invalidShape,
                "a shape is given for '\(name)', which is no input of the model",
                remedy: "its inputs are \(known)"
            )
        }
    }

    /// The first axis is N unless the file gives it a length; every other axis needs one, or a name
    /// whose length is known.
    private func fact(
        ofInput input: ValueInfo,
        _ names: NamedDimensions
    ) throws(EngineError) -> Fact {
        guard case .tensor(let declaredType, let declared) = input.type, let type = declaredType
        else {
            throw EngineError(
                .unsupported,
                "input '\(input.name)' is no tensor of a known element type"
            )
        }
        let given = options.shapes[input.name]
        guard let rank = declared?.count ?? given?.count else {
            throw EngineError(
                .invalidShape,
                "input '\(input.name)' declares no shape",
                remedy: "give one with --shape \(input.name)=…"
            )
        }
        guard given == nil || given?.count == rank else {
            throw EngineError(
                .invalidShape,
                "the shape given for input '\(input.name)' has \(given?.count ?? 0) axes, expected \(rank)"
            )
        }
        var shape: [Dimension] = []
        for axis in 0..<rank {
            shape.append(
                try dimension(
                    axis,
                    of: input.name,
                    rank: rank,
                    declared: declared?[axis] ?? .unknown,
                    given: given?[axis],
                    names
                )
            )
        }
        return Fact(type, shape)
    }

    private func dimension(
        _ axis: Int,
        of input: String,
        rank: Int,
        declared: DeclaredDimension,
        given: Int?,
        _ names: NamedDimensions
    ) throws(EngineError) -> Dimension {
        // Some converters write 0 for an open first axis; elsewhere it is a length.
        if case .fixed(let length) = declared, length > 0 || length == 0 && axis > 0 {
            guard given == nil || given == length || given == -1 else {
                throw EngineError(
                    .invalidShape,
                    "axis \(axis) of input '\(input)' is \(length), the shape given says \(given ?? 0)"
                )
            }
            return Dimension(length)
        }
        if let given, given >= 0 { return Dimension(given) }
        if case .named(let name) = declared, let known = names[name] { return known }
        if axis == 0 { return .rows }
        let open = options.openShapes[input] ?? []
        if open.count == rank, open[axis] >= 0 { return Dimension(open[axis]) }
        let name = if case .named(let name) = declared { "'\(name)'" } else { "unnamed" }
        throw EngineError(
            .invalidShape,
            "axis \(axis) of input '\(input)' has no fixed length (\(name)), and only the first axis may vary",
            remedy: "give the shape in the contract, or here with --shape \(input)=… or --dimension"
        )
    }

    private mutating func addNodes(
        _ proto: GraphProto,
        _ bytes: Span<UInt8>
    ) throws(EngineError) {
        for node in try sorted(proto) {
            let domain = OperatorTable.canonical(node.domain)
            let name = node.name.isEmpty ? node.outputs.first ?? "" : node.name
            guard let opset = node.opset ?? opsets[domain] else {
                throw EngineError(
                    .invalidGraph,
                    "the model does not import an operator set of domain '\(domain.isEmpty ? "ai.onnx" : domain)'",
                    node: "'\(name)' (\(node.operatorName))"
                )
            }
            let definition = try table.lookUp(
                node.operatorName,
                domain: domain,
                opset: opset,
                node: name
            )
            var inputs = node.inputs.map { $0.isEmpty ? nil : ids[$0] }
            while let last = inputs.last, last == nil { inputs.removeLast() }
            let writtenInputCount = inputs.count
            let captured = node.capturedNames
            inputs += captured.map { ids[$0] }
            var outputs: [Graph.ValueID] = []
            for output in node.outputs {
                outputs.append(try define(output, by: "node '\(name)'"))
            }
            let made = Graph.Node(
                name: name,
                definition: definition,
                opset: opset,
                attributes: try attributes(
                    of: node,
                    captured: captured,
                    firstCapture: writtenInputCount,
                    bytes
                ),
                inputs: inputs,
                writtenInputCount: writtenInputCount,
                outputs: outputs
            )
            guard definition.inputs.contains(writtenInputCount),
                definition.outputs.contains(outputs.count)
            else {
                throw EngineError(
                    .invalidGraph,
                    "\(writtenInputCount) inputs and \(outputs.count) outputs, expected \(definition.inputs) and \(definition.outputs)",
                    node: made.shown
                )
            }
            graph.nodes.append(made)
        }
    }

    private mutating func addOutputs(_ proto: GraphProto) throws(EngineError) {
        for output in proto.outputs {
            guard let id = ids[output.name] else {
                throw EngineError(
                    .invalidGraph,
                    "output '\(output.name)' is made by no node"
                )
            }
            guard !graph.outputs.contains(where: { $0.name == output.name }) else {
                throw EngineError(.invalidGraph, "output '\(output.name)' is declared twice")
            }
            graph.outputs.append(Graph.Output(name: output.name, value: id))
            graph.declared[output.name] = output.declaredFact
        }
    }

    /// The nodes, each behind the makers of its inputs; a file in that order keeps it.
    private func sorted(_ proto: GraphProto) throws(EngineError) -> [NodeProto] {
        var makers: [String: Int] = [:]
        let reads = proto.nodes.map(\.readNames)
        for (index, node) in proto.nodes.enumerated() {
            for output in node.outputs where !output.isEmpty { makers[output] = index }
        }
        var order: [NodeProto] = []
        var state = [UInt8](repeating: 0, count: proto.nodes.count)
        for root in proto.nodes.indices where state[root] == 0 {
            var stack = [(node: root, next: 0)]
            state[root] = 1
            while let (index, next) = stack.last {
                let node = proto.nodes[index]
                guard next < reads[index].count else {
                    state[index] = 2
                    order.append(node)
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next += 1
                let name = reads[index][next]
                guard !name.isEmpty, ids[name] == nil else { continue }
                guard let maker = makers[name] else {
                    throw EngineError(
                        .invalidGraph,
                        "input '\(name)' is made by no node, input or initialiser",
                        node: "'\(node.name)' (\(node.operatorName))"
                    )
                }
                guard state[maker] != 1 else {
                    throw EngineError(
                        .invalidGraph,
                        "the graph has a cycle through value '\(name)'",
                        node: "'\(node.name)' (\(node.operatorName))"
                    )
                }
                guard state[maker] == 0 else { continue }
                state[maker] = 1
                stack.append((maker, 0))
            }
        }
        return order
    }
}

extension ValueInfo {
    /// What the file declares, an open first axis being the rows and other open ones of no length.
    fileprivate var declaredFact: Fact {
        var type = type
        while true {
            switch type {
            case .sequence(let element), .optional(let element): type = element
            case .map(_, let value): type = value
            case .tensor(let element, let shape):
                return Fact(
                    element ?? .float,
                    (shape ?? []).enumerated().map { axis, length in
                        if case .fixed(let length) = length { return Dimension(length) }
                        return axis == 0 ? .rows : 0
                    }
                )
            case .sparseTensor, .absent: return Fact(.float, [])
            }
        }
    }
}
