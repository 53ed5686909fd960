// SPDX-License-Identifier: Apache-2.0
import ONNX

/// Writes the bodies of functions in place of the nodes that call them.
///
/// A call is a node whose operator is
/// 1. a function of the file, whatever else has its name; or
/// 2. an operator that the specification defines by a body and for which the table has no kernel.
///
/// In the copy of a body that takes a call's place, the function's inputs and outputs go by the
/// call's names, every other value gets a name that nothing else has, and an attribute that
/// refers to one of the function's gets what the call gives for it, else the default, else it
/// is left out. Nodes keep the operator set their function is written for. Bodies may call
/// functions in turn, but never one that is being expanded.
///
/// Everything in the file is outside data: how deep calls nest and how much they expand to is
/// bounded, and a copy costs what is counted.
struct FunctionExpander {
    /// The most functions and graphs that may be inside each other.
    static let maximumDepth = 64
    /// The most nodes and operands that all the copies may have together.
    static let maximumSize = 1 << 18
    /// The most bytes of attributes in all the copies together.
    static let maximumByteCount = 1 << 26

    struct Key: Hashable {
        let domain: String
        let name: String
        let overload: String

        var shown: String {
            (domain.isEmpty ? "" : domain + ".") + name + (overload.isEmpty ? "" : ":" + overload)
        }
    }

    let functions: [Key: FunctionProto]
    let opsets: [String: Int]
    let table: OperatorTable
    private var parsed: [String: FunctionProto] = [:]
    var taken: Set<String> = []
    private var active: [Key] = []
    private var depth = 0
    private var size = 0
    private var byteCount = 0
    var serial = 0

    /// The model's graph with every call expanded; the same graph when there is none.
    static func expand(
        _ model: ModelProto,
        bytes: Span<UInt8>,
        table: OperatorTable
    ) throws(EngineError) -> GraphProto {
        var expander = try FunctionExpander(model, table)
        guard expander.hasCalls(model.graph) else { return model.graph }
        model.graph.forEachName { expander.taken.insert($0) }
        return try expander.expanded(model.graph, bytes)
    }

    private init(_ model: ModelProto, _ table: OperatorTable) throws(EngineError) {
        var functions: [Key: FunctionProto] = [:]
        for function in model.functions {
            let key = Key(
                domain: function.domain,
                name: function.name,
                overload: function.overload
            )
            guard functions.updateValue(function, forKey: key) == nil else {
                throw EngineError(.invalidGraph, "function \(key.shown) is defined twice")
            }
        }
        (self.functions, self.table, opsets) = (functions, table, model.opsets)
    }

    // MARK: Walking

    private mutating func expanded(
        _ graph: GraphProto,
        _ bytes: Span<UInt8>
    ) throws(EngineError) -> GraphProto {
        var result = graph
        result.nodes = []
        for node in graph.nodes { try append(node, to: &result.nodes, bytes) }
        return result
    }

    private mutating func append(
        _ node: NodeProto,
        to nodes: inout [NodeProto],
        _ bytes: Span<UInt8>
    ) throws(EngineError) {
        var node = node
        for index in node.attributes.indices {
            let attribute = node.attributes[index]
            guard let value = try expanded(attribute.value, node, bytes) else { continue }
            node.attributes[index] = attribute.changed(value: value)
        }
        let key = key(of: node)
        if key == Key(domain: SpecifiedFunction.internalDomain, name: "Inline", overload: "") {
            try inline(node, to: &nodes)
        } else if let function = functions[key] {
            try expand(node, function, key, to: &nodes, bytes)
        } else if let specified = specified(node) {
            let function = try body(of: specified, node, bytes)
            try expand(node, function, key, to: &nodes, bytes)
        } else {
            nodes.append(node)
        }
    }

    /// An attribute's graphs expanded; nil when it has none.
    private mutating func expanded(
        _ value: AttributeProto.Value,
        _ node: NodeProto,
        _ bytes: Span<UInt8>
    ) throws(EngineError) -> AttributeProto.Value? {
        switch value {
        case .graph(let graph):
            try enter(node)
            defer { depth -= 1 }
            return .graph(try expanded(graph, bytes))
        case .graphs(let graphs):
            try enter(node)
            defer { depth -= 1 }
            var results: [GraphProto] = []
            for graph in graphs { results.append(try expanded(graph, bytes)) }
            return .graphs(results)
        default: return nil
        }
    }

    private mutating func enter(_ node: NodeProto) throws(EngineError) {
        guard depth < Self.maximumDepth else {
            throw node.failure("functions and graphs nest deeper than \(Self.maximumDepth) levels")
        }
        depth += 1
    }

    /// Counts what a copy takes before it is made.
    private mutating func charge(
        _ size: Int,
        byteCount: Int = 0,
        _ node: NodeProto
    ) throws(EngineError) {
        self.size += size
        self.byteCount += byteCount
        guard self.size <= Self.maximumSize else {
            throw node.failure(
                "the functions expand to more than \(Self.maximumSize) nodes and operands"
            )
        }
        guard self.byteCount <= Self.maximumByteCount else {
            throw node.failure(
                "the functions expand to more than \(Self.maximumByteCount) bytes of attributes"
            )
        }
    }

    private mutating func body(
        of specified: SpecifiedFunction,
        _ node: NodeProto,
        _ bytes: Span<UInt8>
    ) throws(EngineError) -> FunctionProto {
        let text = try specified.body(FunctionCall(node, opset: opset(of: node) ?? 0, bytes))
        if let function = parsed[text] { return function }
        do throws(TextError) {
            let function = try FunctionParser.parse(
                text,
                domain: specified.domain,
                opset: SpecifiedFunction.bodyOpset
            )
            parsed[text] = function
            return function
        } catch {
            throw node.failure("its body cannot be read: \(error)")
        }
    }

    // MARK: Copying a body

    private mutating func expand(
        _ call: NodeProto,
        _ function: FunctionProto,
        _ key: Key,
        to nodes: inout [NodeProto],
        _ bytes: Span<UInt8>
    ) throws(EngineError) {
        for (domain, version) in function.opsets {
            guard let newest = GraphImporter.newestOpsets[domain], version > newest else {
                continue
            }
            throw EngineError(
                .unsupported,
                "function \(key.shown) is written for version \(version) of \(domain.isEmpty ? "ai.onnx" : domain), the newest known is \(newest)"
            )
        }
        if let start = active.firstIndex(of: key) {
            let chain = (active[start...] + [key]).map(\.shown).joined(separator: " → ")
            throw call.failure("a function calls itself: \(chain)")
        }
        try enter(call)
        active.append(key)
        defer {
            depth -= 1
            active.removeLast()
        }
        try charge(
            1 + function.inputs.count + function.outputs.count + function.defaults.count
                + call.attributes.count,
            call
        )
        var copy = FunctionCopy(call, function)
        try bind(&copy, call, function, to: &nodes)
        for node in function.nodes {
            let made = try instance(of: node, &copy)
            try append(made, to: &nodes, bytes)
        }
    }

    /// Names the function's inputs and outputs as the call does.
    private mutating func bind(
        _ copy: inout FunctionCopy,
        _ call: NodeProto,
        _ function: FunctionProto,
        to nodes: inout [NodeProto]
    ) throws(EngineError) {
        guard call.inputs.count <= function.inputs.count,
            call.outputs.count <= function.outputs.count
        else {
            throw call.failure(
                "\(call.inputs.count) inputs and \(call.outputs.count) outputs, the function has \(function.inputs.count) and \(function.outputs.count)"
            )
        }
        for (index, name) in function.inputs.enumerated() {
            let actual = index < call.inputs.count ? call.inputs[index] : ""
            guard copy.names.updateValue(actual, forKey: name) == nil else {
                throw call.failure("the function has two inputs '\(name)'")
            }
        }
        for (name, actual) in zip(function.outputs, call.outputs) where !actual.isEmpty {
            guard let known = copy.names.updateValue(actual, forKey: name) else { continue }
            // An input handed out as it is, or an output handed out twice.
            copy.names[name] = known
            var identity = NodeProto("Identity", inputs: [known], outputs: [actual])
            identity.name = copy.label
            identity.opset = SpecifiedFunction.bodyOpset
            nodes.append(identity)
        }
    }

    /// A node of the body as it stands in place of the call.
    private mutating func instance(
        of node: NodeProto,
        _ copy: inout FunctionCopy
    ) throws(EngineError) -> NodeProto {
        try charge(1 + node.inputs.count + node.outputs.count + node.attributes.count, node)
        var made = node
        made.name = copy.nodeName(node)
        made.opset = node.opset ?? copy.function.opsets[OperatorTable.canonical(node.domain)]
        made.inputs = node.inputs.map { name(of: $0, &copy) }
        made.outputs = node.outputs.map { name(of: $0, &copy) }
        made.attributes = []
        for attribute in node.attributes {
            guard let resolved = try self.attribute(attribute, of: node, &copy) else { continue }
            made.attributes.append(resolved)
        }
        return made
    }

    /// The attribute as the call has it; nil where the call leaves it out.
    private mutating func attribute(
        _ attribute: AttributeProto,
        of node: NodeProto,
        _ copy: inout FunctionCopy
    ) throws(EngineError) -> AttributeProto? {
        switch attribute.value {
        case .reference(let name):
            guard let given = copy.attributes[name] else { return nil }
            try charge(1, byteCount: given.byteCount, node)
            return given.changed(name: attribute.name)
        case .graph(let graph):
            try charge(0, byteCount: attribute.byteCount, node)
            return attribute.changed(value: .graph(try instance(of: graph, node, &copy)))
        case .graphs(let graphs):
            try charge(0, byteCount: attribute.byteCount, node)
            var made: [GraphProto] = []
            for graph in graphs { made.append(try instance(of: graph, node, &copy)) }
            return attribute.changed(value: .graphs(made))
        default:
            try charge(0, byteCount: attribute.byteCount, node)
            return attribute
        }
    }

    /// A graph of the body; the names it defines hide those of the body outside it.
    private mutating func instance(
        of graph: GraphProto,
        _ owner: NodeProto,
        _ copy: inout FunctionCopy
    ) throws(EngineError) -> GraphProto {
        try enter(owner)
        defer { depth -= 1 }
        let defined = graph.definedNames
        try charge(defined.count + graph.outputs.count, owner)
        var hidden: [(name: String, outside: String?)] = []
        for name in defined {
            hidden.append((name, copy.names[name]))
            copy.names[name] = fresh(name, copy)
        }
        var made = graph
        for index in made.inputs.indices {
            made.inputs[index].name = name(of: graph.inputs[index].name, &copy)
        }
        for index in made.outputs.indices {
            made.outputs[index].name = name(of: graph.outputs[index].name, &copy)
        }
        for index in made.initializers.indices {
            made.initializers[index].name = name(of: graph.initializers[index].name, &copy)
        }
        for index in made.sparseInitializers.indices {
            made.sparseInitializers[index].name = name(
                of: graph.sparseInitializers[index].name,
                &copy
            )
        }
        made.nodes = []
        for node in graph.nodes { made.nodes.append(try instance(of: node, &copy)) }
        for (name, outside) in hidden.reversed() { copy.names[name] = outside }
        return made
    }

    /// Puts the nodes of the graph that `call` has as its attribute `body` in its place.
    ///
    /// The graph came with the caller: what it does not define keeps its name.
    private mutating func inline(
        _ call: NodeProto,
        to nodes: inout [NodeProto]
    ) throws(EngineError) {
        guard call.graphs.count == 1, let graph = call.graphs.first,
            graph.inputs.count == call.inputs.count, graph.outputs.count == call.outputs.count
        else {
            throw call.failure(
                "the graph it is given has not \(call.inputs.count) inputs and \(call.outputs.count) outputs"
            )
        }
        try enter(call)
        defer { depth -= 1 }
        let defined = graph.definedNames
        try charge(1 + defined.count + graph.outputs.count, call)
        var function = FunctionProto(name: graph.name, domain: "")
        function.inputs = graph.inputs.map(\.name)
        function.outputs = graph.outputs.map(\.name)
        var copy = FunctionCopy(call, function, isInline: true)
        for name in graph.outputs.map(\.name) where !defined.contains(name) {
            copy.names[name] = name
        }
        try bind(&copy, call, function, to: &nodes)
        for name in defined where copy.names[name] == nil { copy.names[name] = fresh(name, copy) }
        for tensor in graph.initializers {
            let value = AttributeProto(name: "value", value: .tensor(tensor))
            nodes.append(
                NodeProto(
                    "Constant",
                    outputs: [name(of: tensor.name, &copy)],
                    attributes: [value],
                    name: copy.label
                )
            )
        }
        for node in graph.nodes { nodes.append(try instance(of: node, &copy)) }
    }
}
