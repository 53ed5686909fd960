// SPDX-License-Identifier: Apache-2.0
import Artifacts
import JSON

/// What may be compared with what.
extension ExpressionCompiler {
    mutating func compared(
        _ left: Operand,
        _ right: Operand,
        by comparison: ExpressionStep.Comparison,
        named symbol: String,
        at place: Int
    ) throws(ExpressionError) -> Operand {
        let result = Operand(form: .condition, at: left.at)
        guard left.isText || right.isText else {
            try compareValues(left, right, by: comparison, symbol, place)
            return result
        }
        guard left.isText, right.isText else {
            throw failure(
                "'\(symbol)' compares \(left.noun) with \(right.noun)",
                at: place,
                hint: left.isLiteral || right.isLiteral ? "numbers stand without quotes" : nil
            )
        }
        guard comparison == .equal || comparison == .notEqual else {
            throw failure(
                "texts have no order, so '\(symbol)' cannot compare them",
                at: place,
                hint: "use ==, != or in"
            )
        }
        switch (left.form, right.form) {
        case (.textOf(let first), .textOf(let second)): try emit(.haveSameText(first, second))
        case (.textOf(let feature), .text(let text)):
            try emitTexts([(text, right.at)], feature)
        case (.text(let text), .textOf(let feature)):
            try emitTexts([(text, left.at)], feature)
        default:
            throw failure("compares two constants", at: place)
        }
        if comparison == .notEqual { try emit(.not) }
        return result
    }

    private mutating func compareValues(
        _ left: Operand,
        _ right: Operand,
        by comparison: ExpressionStep.Comparison,
        _ symbol: String,
        _ place: Int
    ) throws(ExpressionError) {
        guard left.isCondition == right.isCondition else {
            throw failure("'\(symbol)' compares \(left.noun) with \(right.noun)", at: place)
        }
        if left.isCondition, comparison != .equal, comparison != .notEqual {
            throw failure("conditions have no order", at: place, hint: "use == or !=")
        }
        switch (left.form, right.form) {
        case (.numberOf(let feature), .literal(let step)),
            (.literal(let step), .numberOf(let feature)):
            round(literal: step, as: features[feature].datatype)
        default: break
        }
        try emit(.compare(comparison))
    }

    /// `operand in [literal, …]`, from `in` on.
    mutating func membership(_ operand: Operand) throws(ExpressionError) -> Operand {
        try advance()
        try expect(.openList)
        var numbers: [Double] = []
        var texts: [(text: String, at: Int)] = []
        repeat {
            if isAtComma { try advance() }
            switch try takeLiteral() {
            case (.number(let value), _): numbers.append(value)
            case (.text(let text), let at): texts.append((text, at))
            default: preconditionFailure("a literal is a number or a text")
            }
        } while isAtComma
        try expect(.closeList)
        let result = Operand(form: .condition, at: operand.at)
        switch operand.form {
        case .textOf(let feature) where numbers.isEmpty:
            try emitTexts(texts, feature)
        case .numberOf(let feature) where texts.isEmpty:
            let datatype = features[feature].datatype
            try emit(.isIn(append(numbers: numbers.map(datatype.rounded))))
        case .number where texts.isEmpty, .literal where texts.isEmpty:
            try emit(.isIn(append(numbers: numbers)))
        case .condition, .text:
            throw failure(
                "'in' looks a number or a feature up, found \(operand.noun)",
                at: operand.at
            )
        default:
            let wanted = operand.isText ? "texts" : "numbers"
            throw failure("the list must hold \(wanted) only", at: operand.at)
        }
        return result
    }

    /// A text that the feature can never have is a slip, not a condition that never holds.
    private mutating func emitTexts(
        _ texts: [(text: String, at: Int)],
        _ feature: Int
    ) throws(ExpressionError) {
        guard let categories = features[feature].categories else {
            let range = append(text: texts.map(\.text))
            try emit(.textIsIn(feature: feature, range))
            return
        }
        var indices: [Double] = []
        for (text, at) in texts {
            guard let index = categories.firstIndex(where: { $0.isSame(as: text) }) else {
                let shown = Violations.shortened(text)
                throw failure(
                    "'\(shown)' is not a category of '\(features[feature].name)'",
                    at: at,
                    hint: suggestion(for: text, among: categories)
                        ?? "allowed: " + listed(categories)
                )
            }
            indices.append(Double(index))
        }
        let range = append(numbers: indices)
        try emit(.categoryIsIn(feature: feature, range))
    }

    func need(condition operand: Operand, _ what: String) throws(ExpressionError) {
        guard !operand.isCondition else { return }
        throw failure(
            "\(what) needs a condition, found \(operand.noun)",
            at: operand.at,
            hint: "compare it with something"
        )
    }

    func need(number operand: Operand, _ what: String) throws(ExpressionError) {
        guard operand.isCondition || operand.isText else { return }
        throw failure("\(what) needs numbers, found \(operand.noun)", at: operand.at)
    }
}

extension ExpressionCompiler.Operand {
    var isCondition: Bool {
        if case .condition = form { return true }
        return false
    }

    var isText: Bool {
        switch form {
        case .text, .textOf: true
        default: false
        }
    }

    var isLiteral: Bool {
        switch form {
        case .text, .literal: true
        default: false
        }
    }

    var noun: String {
        switch form {
        case .condition: "a condition"
        case .number, .numberOf, .literal: "a number"
        case .text, .textOf: "a text"
        }
    }
}
