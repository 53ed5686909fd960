// SPDX-License-Identifier: Apache-2.0
import ONNX
import Tensors

/// Reads a function written in ONNX's textual syntax (onnx/docs/Syntax.md).
///
///     function   = ("<" "opset_import" ":" "[" string ":" int {"," string ":" int} "]" ">")?
///                  name ("<" parameter {"," parameter} ">")? ids "=>" ids "{" {node} "}"
///     parameter  = name | name ":" type "=" value        without or with a default
///     ids        = "(" (name {"," name})? ")"
///     node       = outputs "=" operator attributes? inputs      or with the attributes last
///     operator   = {name "."} name                              the last is the name, the rest its domain
///     attributes = "<" name (":" type)? "=" value {"," …} ">"
///     value      = constant | "[" constants "]" | "@" name | tensor | graph
///     tensor     = element type ("[" (int {"," int})? "]")? "{" constants "}"
///     graph      = name declarations "=>" declarations "{" {node} "}"
///
/// A declaration's type is read past: what a value is follows from what makes it. An input or
/// output that is left out is written `""`.
struct FunctionParser {
    private(set) var scanner: TextScanner
    private(set) var token = TextScanner.Token.end
    private var depth = 0

    private static let maximumDepth = 16

    /// Reads `text`, a function of `domain`; `opset` is the core's version unless the text names one.
    static func parse(
        _ text: String,
        domain: String = "",
        opset: Int
    ) throws(TextError) -> FunctionProto {
        var parser = FunctionParser(scanner: TextScanner(text))
        try parser.advance()
        let function = try parser.function(domain: domain, opset: opset)
        guard parser.token == .end else { throw parser.unexpected("the end of the text") }
        return function
    }

    private init(scanner: TextScanner) { self.scanner = scanner }

    // MARK: Words

    mutating func advance() throws(TextError) { token = try scanner.next() }

    func unexpected(_ wanted: String) -> TextError {
        scanner.failure("expected \(wanted), found \(token)")
    }

    /// Takes `symbol` off the text if it is next.
    mutating func take(_ symbol: String) throws(TextError) -> Bool {
        guard token == .symbol(symbol) else { return false }
        try advance()
        return true
    }

    mutating func expect(_ symbol: String) throws(TextError) {
        guard try take(symbol) else { throw unexpected("'\(symbol)'") }
    }

    mutating func identifier() throws(TextError) -> String {
        guard case .identifier(let name) = token else { throw unexpected("a name") }
        try advance()
        return name
    }

    /// The name of a value; quotes allow any, and none at all.
    private mutating func valueName() throws(TextError) -> String {
        guard case .string(let name) = token else { return try identifier() }
        try advance()
        return name
    }

    /// What stands between `open` and `close`, parted by commas; may be nothing.
    mutating func list(
        _ open: String,
        _ close: String,
        _ element: (inout FunctionParser) throws(TextError) -> Void
    ) throws(TextError) {
        try expect(open)
        guard !(try take(close)) else { return }
        repeat { try element(&self) } while try take(",")
        try expect(close)
    }

    // MARK: Functions and graphs

    private mutating func function(
        domain: String,
        opset: Int
    ) throws(TextError) -> FunctionProto {
        var opsets = ["": opset, SpecifiedFunction.internalDomain: 1]
        if token == .symbol("<") { opsets.merge(try imports()) { $1 } }
        var function = FunctionProto(name: try identifier(), domain: domain)
        function.opsets = opsets
        if token == .symbol("<") {
            try list("<", ">") { parser throws(TextError) in
                let name = try parser.identifier()
                if parser.token == .symbol(":") || parser.token == .symbol("=") {
                    function.defaults.append(try parser.attribute(named: name))
                } else {
                    function.attributes.append(name)
                }
            }
        }
        function.inputs = try valueNames()
        try expect("=>")
        function.outputs = try valueNames()
        function.nodes = try nodes()
        return function
    }

    private mutating func imports() throws(TextError) -> [String: Int] {
        var opsets: [String: Int] = [:]
        try list("<", ">") { parser throws(TextError) in
            let key = try parser.identifier()
            guard key == "opset_import" else { throw parser.unexpected("opset_import") }
            try parser.expect(":")
            try parser.list("[", "]") { parser throws(TextError) in
                let domain = try parser.valueName()
                try parser.expect(":")
                guard case .integer(let version) = parser.token else {
                    throw parser.unexpected("a version")
                }
                try parser.advance()
                opsets[domain] = Int(version)
            }
        }
        return opsets
    }

    private mutating func valueNames() throws(TextError) -> [String] {
        var names: [String] = []
        try list("(", ")") { parser throws(TextError) in names.append(try parser.valueName()) }
        return names
    }

    /// A graph whose name has been taken off the text.
    mutating func graph(named name: String) throws(TextError) -> GraphProto {
        guard depth < Self.maximumDepth else { throw scanner.failure("graphs nest too deep") }
        depth += 1
        defer { depth -= 1 }
        var graph = GraphProto(name: name)
        graph.inputs = try declarations()
        try expect("=>")
        graph.outputs = try declarations()
        graph.nodes = try nodes()
        return graph
    }

    /// `(int64 i, float[N] x, y)`: a type that may be left out, and a name.
    private mutating func declarations() throws(TextError) -> [ValueInfo] {
        var values: [ValueInfo] = []
        try list("(", ")") { parser throws(TextError) in
            var name = try parser.valueName()
            if parser.token == .symbol("[") {
                try parser.skipDimensions()
                name = try parser.valueName()
            } else if case .identifier(let other) = parser.token {
                name = other
                try parser.advance()
            }
            values.append(ValueInfo(name: name))
        }
        return values
    }

    private mutating func skipDimensions() throws(TextError) {
        try list("[", "]") { parser throws(TextError) in
            switch parser.token {
            case .identifier, .integer, .symbol("?"): try parser.advance()
            default: throw parser.unexpected("a dimension")
            }
        }
    }

    // MARK: Nodes

    private mutating func nodes() throws(TextError) -> [NodeProto] {
        var nodes: [NodeProto] = []
        try expect("{")
        while !(try take("}")) { nodes.append(try node()) }
        return nodes
    }

    private mutating func node() throws(TextError) -> NodeProto {
        var outputs = [try valueName()]
        while try take(",") { outputs.append(try valueName()) }
        try expect("=")
        var path = [try identifier()]
        while try take(".") { path.append(try identifier()) }
        var attributes = try self.attributes()
        let inputs = try valueNames()
        if attributes.isEmpty { attributes = try self.attributes() }
        return NodeProto(
            path.removeLast(),
            domain: path.joined(separator: "."),
            inputs: inputs,
            outputs: outputs,
            attributes: attributes
        )
    }

    private mutating func attributes() throws(TextError) -> [AttributeProto] {
        var attributes: [AttributeProto] = []
        guard token == .symbol("<") else { return attributes }
        try list("<", ">") { parser throws(TextError) in
            let name = try parser.identifier()
            attributes.append(try parser.attribute(named: name))
        }
        return attributes
    }
}
