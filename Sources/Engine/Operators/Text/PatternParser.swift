// SPDX-License-Identifier: Apache-2.0

/// A regular expression as a tree.
indirect enum Pattern: Equatable {
    case empty
    case characters(CharacterSet)
    case check(RegularExpression.Assertion)
    case sequence([Pattern])
    case either([Pattern])
    /// `most` is nil without an upper bound.
    case repeated(Pattern, least: Int, most: Int?)
}

/// Reads RE2's syntax, <https://github.com/google/re2/wiki/Syntax>.
struct PatternParser {
    /// As in RE2.
    private static let maximumRepetition = 1000
    private static let maximumDepth = 100

    private let text: [Unicode.Scalar]
    private var place = 0
    private var depth = 0
    private var ignoresCase = false
    private var dotTakesNewline = false

    init(_ pattern: String) { text = Array(pattern.unicodeScalars) }

    mutating func parse() throws(PatternError) -> Pattern {
        let pattern = try alternatives()
        guard place == text.count else { throw wrong("an unexpected ')'") }
        return pattern
    }

    private mutating func alternatives() throws(PatternError) -> Pattern {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else { throw wrong("too many nested groups") }
        var parts = [try sequence()]
        while take("|") { parts.append(try sequence()) }
        return parts.count == 1 ? parts[0] : .either(parts)
    }

    private mutating func sequence() throws(PatternError) -> Pattern {
        var parts: [Pattern] = []
        while let next = peek, next != "|", next != ")" {
            parts.append(try repetition())
        }
        return parts.isEmpty ? .empty : parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func repetition() throws(PatternError) -> Pattern {
        let pattern = try atom()
        guard let (least, most) = try bounds() else { return pattern }
        // A lazy form matches the same whole texts.
        _ = take("?")
        guard least <= Self.maximumRepetition, most ?? 0 <= Self.maximumRepetition else {
            throw wrong("a repetition of more than \(Self.maximumRepetition)")
        }
        guard try bounds() == nil else { throw wrong("a repetition of a repetition") }
        return .repeated(pattern, least: least, most: most)
    }

    /// How often the atom before is repeated, when that is said here.
    private mutating func bounds() throws(PatternError) -> (Int, Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        let start = place
        guard take("{"), let least = number() else {
            // A brace that counts nothing is a literal.
            place = start
            return nil
        }
        if take("}") { return (least, least) }
        guard take(",") else {
            place = start
            return nil
        }
        if take("}") { return (least, nil) }
        guard let most = number(), take("}") else {
            place = start
            return nil
        }
        guard least <= most else { throw wrong("a repetition from \(least) to \(most)") }
        return (least, most)
    }

    private mutating func number() -> Int? {
        var digits = ""
        while let next = peek, ("0"..."9").contains(next), digits.count < 6 {
            digits.unicodeScalars.append(next)
            place += 1
        }
        return Int(digits)
    }

    private mutating func atom() throws(PatternError) -> Pattern {
        guard let next = peek else { return .empty }
        place += 1
        switch next {
        case "(": return try group()
        case "[": return .characters(folded(try characterClass()))
        case ".": return .characters(dotTakesNewline ? .any : .anyButNewline)
        case "^": return .check(.start)
        case "$": return .check(.end)
        case "*", "+", "?": throw wrong("nothing that '\(next)' repeats")
        case "\\": return try escape()
        default: return literal(next)
        }
    }

    /// What stands in parentheses, or flags for what follows.
    private mutating func group() throws(PatternError) -> Pattern {
        let (outerCase, outerDot) = (ignoresCase, dotTakesNewline)
        if take("?") {
            if take("P") || peek == "<" {
                guard take("<") else { throw wrong("a group without a name") }
                while let next = peek, next != ">" {
                    _ = next
                    place += 1
                }
                guard take(">") else { throw wrong("a group without a name") }
            } else {
                try flags()
                if take(")") { return .empty }
                guard take(":") else { throw wrong("a group that is not understood") }
            }
        }
        let pattern = try alternatives()
        (ignoresCase, dotTakesNewline) = (outerCase, outerDot)
        guard take(")") else { throw wrong("a '(' without ')'") }
        return pattern
    }

    private mutating func flags() throws(PatternError) {
        var isSet = true
        while let next = peek, next != ")", next != ":" {
            place += 1
            switch next {
            case "-": isSet = false
            case "i": ignoresCase = isSet
            case "s": dotTakesNewline = isSet
            // Which of several matches is found does not matter here.
            case "U": break
            default: throw wrong("a flag '\(next)' that is not understood")
            }
        }
    }

    private mutating func escape() throws(PatternError) -> Pattern {
        switch peek {
        case "b":
            place += 1
            return .check(.wordEdge)
        case "B":
            place += 1
            return .check(.noWordEdge)
        case "A":
            place += 1
            return .check(.start)
        case "z":
            place += 1
            return .check(.end)
        default: return .characters(folded(try escapedSet()))
        }
    }

    /// The characters that a backslash, already read, and what follows stand for.
    private mutating func escapedSet() throws(PatternError) -> CharacterSet {
        guard let next = peek else { throw wrong("a '\\' at the end") }
        place += 1
        switch next {
        case "d": return .digits
        case "w": return .words
        case "s": return .spaces
        case "D": return CharacterSet(ranges: CharacterSet.digits.ranges, isNegated: true)
        case "W": return CharacterSet(ranges: CharacterSet.words.ranges, isNegated: true)
        case "S": return CharacterSet(ranges: CharacterSet.spaces.ranges, isNegated: true)
        case "n": return single(10)
        case "t": return single(9)
        case "r": return single(13)
        case "f": return single(12)
        case "v": return single(11)
        case "a": return single(7)
        case "x": return single(try hexadecimal())
        default:
            let isLetter = next.properties.isAlphabetic || ("0"..."9").contains(next)
            guard !isLetter else { throw wrong("an escape '\\\(next)' that is not understood") }
            return single(next.value)
        }
    }

    private mutating func hexadecimal() throws(PatternError) -> UInt32 {
        let isLong = take("{")
        var digits = ""
        while let next = peek, digits.count < (isLong ? 6 : 2), next.properties.isASCIIHexDigit {
            digits.unicodeScalars.append(next)
            place += 1
        }
        guard let value = UInt32(digits, radix: 16), value <= 0x10FFFF, !isLong || take("}")
        else { throw wrong("a number that is not understood") }
        return value
    }

    /// What stands in brackets, the first of which is read.
    private mutating func characterClass() throws(PatternError) -> CharacterSet {
        var set = CharacterSet()
        let isNegated = take("^")
        var isFirst = true
        while let next = peek, next != "]" || isFirst {
            isFirst = false
            place += 1
            if next == "[", peek == ":" { throw wrong("a named class, which is not understood") }
            let low = next == "\\" ? try escapedSet() : single(next.value)
            guard low.ranges.count == 1, let first = low.ranges.first, first.count == 1,
                peek == "-", place + 1 < text.count, text[place + 1] != "]"
            else {
                set.ranges += low.positive
                continue
            }
            place += 1
            let end = text[place]
            place += 1
            let high = end == "\\" ? try escapedSet() : single(end.value)
            guard let last = high.ranges.first, last.count == 1, !high.isNegated,
                first.lowerBound <= last.lowerBound
            else { throw wrong("a range that is not understood") }
            set.ranges.append(first.lowerBound...last.lowerBound)
        }
        guard take("]") else { throw wrong("a '[' without ']'") }
        set = folded(set)
        set.isNegated = isNegated
        return set
    }

    private func literal(_ character: Unicode.Scalar) -> Pattern {
        .characters(folded(single(character.value)))
    }

    private func folded(_ set: CharacterSet) -> CharacterSet {
        ignoresCase ? set.foldingCase : set
    }

    private func single(_ character: UInt32) -> CharacterSet {
        CharacterSet(ranges: [character...character])
    }

    private var peek: Unicode.Scalar? { place < text.count ? text[place] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == character else { return false }
        place += 1
        return true
    }

    private func wrong(_ problem: String) -> PatternError {
        PatternError(problem: "\(problem), at character \(place)")
    }
}
