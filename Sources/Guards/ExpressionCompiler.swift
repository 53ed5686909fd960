// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// Compiles an expression in one pass: each rule of the grammar is a function that emits the steps
/// of its operands and says of which type the value is.
///
/// ```
/// condition  = conjunction { "or" conjunction }
/// conjunction = negation { "and" negation }
/// negation   = "not" negation | comparison
/// comparison = sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum | ["not"] "in" list ]
/// sum        = product { ("+" | "-") product }
/// product    = factor { ("*" | "/") factor }
/// factor     = "-" factor | number | text | "true" | "false" | feature
///            | "missing" "(" feature ")" | "(" condition ")"
/// list       = "[" literal { "," literal } "]"
/// ```
struct ExpressionCompiler {
    /// What an operand is; `at` is where it starts.
    struct Operand {
        enum Form {
            case condition
            /// From a calculation.
            case number
            /// From a feature of this index, whose datatype rounds what it is compared with.
            case numberOf(feature: Int)
            /// From the step of this index.
            case literal(step: Int)
            /// Texts emit no step; the comparison does.
            case textOf(feature: Int)
            case text(String)
        }
        var form: Form
        var at: Int
    }

    private let source: String
    let features: [Feature]
    private var scanner: ExpressionScanner
    private var token = ExpressionToken.end
    private var tokenOffset = 0
    /// Parentheses, `not` and `-` in each other.
    private var nesting = 0
    private var depth = 0
    private(set) var code = ExpressionCode()
    private(set) var reads: Set<String> = []

    init(_ source: String, features: [Feature]) {
        self.source = source
        self.features = features
        scanner = ExpressionScanner(source)
    }

    mutating func compile() throws(ExpressionError) {
        try advance()
        guard token != .end else { throw failure("the expression is empty", at: 0) }
        let operand = try condition()
        try need(condition: operand, "an expression")
        guard token == .end else { throw unexpected("'and', 'or' or the end") }
    }

    // MARK: Conditions

    private mutating func condition() throws(ExpressionError) -> Operand {
        try nest()
        let left = try conjunction()
        while token == .word(.or) {
            try need(condition: left, "'or'")
            try advance()
            try need(condition: try conjunction(), "'or'")
            try emit(.or)
        }
        nesting -= 1
        return left
    }

    private mutating func conjunction() throws(ExpressionError) -> Operand {
        let left = try negation()
        while token == .word(.and) {
            try need(condition: left, "'and'")
            try advance()
            try need(condition: try negation(), "'and'")
            try emit(.and)
        }
        return left
    }

    private mutating func negation() throws(ExpressionError) -> Operand {
        guard token == .word(.not) else { return try comparison() }
        let start = tokenOffset
        try nest()
        try advance()
        try need(condition: try negation(), "'not'")
        nesting -= 1
        try emit(.not)
        return Operand(form: .condition, at: start)
    }

    private mutating func comparison() throws(ExpressionError) -> Operand {
        let left = try sum()
        let result: Operand
        switch token {
        case .symbol(let symbol):
            guard let comparison = symbol.comparison else { return left }
            let place = tokenOffset
            try advance()
            result = try compared(
                left,
                try sum(),
                by: comparison,
                named: symbol.rawValue,
                at: place
            )
        case .word(.in):
            result = try membership(left)
        case .word(.not):
            try advance()
            guard token == .word(.in) else { throw unexpected("'in' after 'not'") }
            result = try membership(left)
            try emit(.not)
        default:
            return left
        }
        if case .symbol(let symbol) = token, symbol.comparison != nil {
            throw failure(
                "comparisons cannot be chained",
                at: tokenOffset,
                hint: "write a < b and b < c for a < b < c"
            )
        }
        return result
    }

    // MARK: Numbers

    private mutating func sum() throws(ExpressionError) -> Operand {
        var left = try product()
        while case .symbol(let symbol) = token, symbol == .plus || symbol == .minus {
            try need(number: left, "'\(symbol.rawValue)'")
            try advance()
            try need(number: try product(), "'\(symbol.rawValue)'")
            try emit(symbol == .plus ? .add : .subtract)
            left = Operand(form: .number, at: left.at)
        }
        return left
    }

    private mutating func product() throws(ExpressionError) -> Operand {
        var left = try factor()
        while case .symbol(let symbol) = token, symbol == .times || symbol == .over {
            try need(number: left, "'\(symbol.rawValue)'")
            try advance()
            try need(number: try factor(), "'\(symbol.rawValue)'")
            try emit(symbol == .times ? .multiply : .divide)
            left = Operand(form: .number, at: left.at)
        }
        return left
    }

    private mutating func factor() throws(ExpressionError) -> Operand {
        let (found, start) = (token, tokenOffset)
        switch found {
        case .number(let value):
            return try literal(value, at: start)
        case .symbol(.minus):
            return try negative(at: start)
        case .text(let text):
            try advance()
            return Operand(form: .text(text), at: start)
        case .word(.true), .word(.false):
            try advance()
            try emit(.constant(found == .word(.true) ? 1 : 0))
            return Operand(form: .condition, at: start)
        case .word(.missing):
            return try missing(at: start)
        case .name(let name):
            try advance()
            return try value(of: try feature(name, at: start), at: start)
        case .symbol(.open):
            try advance()
            let inner = try condition()
            try expect(.close)
            return inner
        default:
            throw unexpected("a feature, a number, a text or '('")
        }
    }

    private mutating func literal(_ value: Double, at start: Int) throws(ExpressionError) -> Operand
    {
        try advance()
        try emit(.constant(value))
        return Operand(form: .literal(step: code.steps.count - 1), at: start)
    }

    private mutating func negative(at start: Int) throws(ExpressionError) -> Operand {
        try nest()
        try advance()
        if case .number(let value) = token {
            nesting -= 1
            return try literal(-value, at: start)
        }
        try need(number: try factor(), "'-'")
        nesting -= 1
        try emit(.negate)
        return Operand(form: .number, at: start)
    }

    // MARK: Features

    private mutating func missing(at start: Int) throws(ExpressionError) -> Operand {
        try advance()
        try expect(.open)
        guard case .name(let name) = token else { throw unexpected("the name of a feature") }
        let index = try feature(name, at: tokenOffset)
        try advance()
        try expect(.close)
        try emit(.isMissing(index))
        return Operand(form: .condition, at: start)
    }

    private mutating func value(of index: Int, at start: Int) throws(ExpressionError) -> Operand {
        let feature = features[index]
        guard feature.shape == nil else {
            throw failure(
                "'\(feature.name)' is a tensor and has no single value",
                at: start,
                hint: "only missing(\(feature.name)) can be asked of it"
            )
        }
        switch FeatureKind(feature) {
        case .category, .text:
            return Operand(form: .textOf(feature: index), at: start)
        case .boolean:
            try emit(.feature(index))
            return Operand(form: .condition, at: start)
        case .real, .integer:
            try emit(.feature(index))
            return Operand(form: .numberOf(feature: index), at: start)
        }
    }

    private mutating func feature(_ name: String, at start: Int) throws(ExpressionError) -> Int {
        let names = features.map(\.name)
        if let index = names.firstIndex(of: name) {
            reads.insert(name)
            return index
        }
        var hint = suggestion(for: name, among: names)
        if let word = ExpressionToken.Word(rawValue: name.lowercased()) {
            hint = "write \(word.rawValue) in lower case"
        }
        let shown = Violations.shortened(name)
        throw failure(
            "unknown feature '\(shown)'",
            at: start,
            hint: hint ?? "features: " + listed(names)
        )
    }

    // MARK: Helpers

    /// Bounds the recursion; every way down passes here.
    private mutating func nest() throws(ExpressionError) {
        nesting += 1
        guard nesting <= ExpressionCode.maximumDepth else { throw tooDeep(at: tokenOffset) }
    }

    mutating func emit(_ step: ExpressionStep) throws(ExpressionError) {
        depth += step.growth
        code.depth = max(code.depth, depth)
        guard depth <= ExpressionCode.maximumDepth else { throw tooDeep(at: tokenOffset) }
        let count = code.steps.count
        // What stands last are the comparison's operands.
        if case .compare(let comparison) = step, count >= 2,
            case .feature(let feature) = code.steps[count - 2],
            case .constant(let value) = code.steps[count - 1]
        {
            code.steps.removeLast(2)
            code.steps.append(.numberIs(comparison, feature: feature, value))
        } else {
            code.steps.append(step)
        }
    }

    /// Rounds a literal to the datatype of the feature that it is compared with.
    mutating func round(literal step: Int, as datatype: Datatype) {
        guard case .constant(let value) = code.steps[step] else { return }
        code.steps[step] = .constant(datatype.rounded(value))
    }

    mutating func append(numbers: [Double]) -> Range<Int> {
        code.numbers += numbers
        return code.numbers.count - numbers.count..<code.numbers.count
    }

    mutating func append(text: [String]) -> Range<Int> {
        code.texts += text.map { Array($0.utf8) }
        return code.texts.count - text.count..<code.texts.count
    }

    mutating func advance() throws(ExpressionError) {
        (token, tokenOffset) = try scanner.next()
    }

    mutating func expect(_ symbol: ExpressionToken.Symbol) throws(ExpressionError) {
        guard token == .symbol(symbol) else { throw unexpected("'\(symbol.rawValue)'") }
        try advance()
    }

    /// Takes the current word, which must be a literal, with its sign.
    mutating func takeLiteral() throws(ExpressionError) -> (ExpressionToken, at: Int) {
        let start = tokenOffset
        let isNegative = token == .symbol(.minus)
        if isNegative { try advance() }
        let found = token
        try advance()
        switch found {
        case .number(let value): return (.number(isNegative ? -value : value), start)
        case .text where !isNegative: return (found, start)
        default: throw failure("expected a number or a text in the list", at: start)
        }
    }

    var isAtComma: Bool { token == .symbol(.comma) }

    func unexpected(_ expected: String) -> ExpressionError {
        failure("expected \(expected), found \(token.description)", at: tokenOffset)
    }

    func failure(_ problem: String, at offset: Int, hint: String? = nil) -> ExpressionError {
        ExpressionError(problem, at: offset, in: source, hint: hint)
    }

    private func tooDeep(at offset: Int) -> ExpressionError {
        failure(
            "more than \(ExpressionCode.maximumDepth) levels deep",
            at: offset,
            hint: "split it into several kill switches"
        )
    }
}

extension ExpressionToken.Symbol {
    fileprivate var comparison: ExpressionStep.Comparison? {
        switch self {
        case .less: .less
        case .lessOrEqual: .lessOrEqual
        case .greater: .greater
        case .greaterOrEqual: .greaterOrEqual
        case .equal: .equal
        case .notEqual: .notEqual
        default: nil
        }
    }
}
