// SPDX-License-Identifier: Apache-2.0
import Tensors

extension NodeContext {
    /// Each text cut at the delimiter, or at white space, and filled up with empty texts; and the counts.
    fileprivate func split() throws(EngineError) -> [Tensor] {
        try require(input: 0, oneOf: [.string])
        let input = try contents(ofInput: 0)
        let delimiter = Array(try string("delimiter", default: "").utf8)
        let limit = has("maxsplit") ? try integer("maxsplit", default: -1) : -1
        let parts = input.elements(as: TextReference.self).map { text in
            let bytes = unsafe Array(text.bytes)
            let most = limit < 0 ? Int.max : limit
            return delimiter.isEmpty
                ? splitAtSpace(bytes, most: most) : Engine.split(bytes, at: delimiter, most: most)
        }
        let width = parts.map(\.count).max() ?? 0
        // One long text makes every row as long.
        guard parts.count.multipliedReportingOverflow(by: width).partialValue <= 1 << 24,
            width <= 1 << 24, parts.count <= 1 << 24
        else { throw failure("\(parts.count) texts of up to \(width) parts are too many") }
        let texts = parts.flatMap { $0 + Array(repeating: [], count: width - $0.count) }
        return [
            Tensor(utf8Texts: texts, shape: try shape(input.dimensions + [width])),
            Tensor(parts.map { Int64($0.count) }, shape: input.shape),
        ]
    }

    /// The texts without stop words, in the wanted case; one empty text when none is left.
    fileprivate func normalized() throws(EngineError) -> Tensor {
        try require(input: 0, oneOf: [.string])
        let input = try contents(ofInput: 0)
        guard input.dimensions.count == 1 || input.dimensions.count == 2 && input.dimensions[0] == 1
        else { throw failure("input 0 is \(input.shape), expected [C] or [1, C]") }
        let isCaseSensitive = try integer("is_case_sensitive", default: 0) != 0
        let stops = Set(
            (try strings("stopwords") ?? []).map { isCaseSensitive ? $0 : $0.lowercased() }
        )
        let change = try string("case_change_action", default: "NONE")
        guard ["NONE", "LOWER", "UPPER"].contains(change) else {
            throw failure("case_change_action is '\(change)', expected NONE, LOWER or UPPER")
        }
        var texts = input.texts.filter { text in
            !stops.contains(isCaseSensitive ? text : text.lowercased())
        }
        if change == "LOWER" { texts = texts.map { $0.lowercased() } }
        if change == "UPPER" { texts = texts.map { $0.uppercased() } }
        if texts.isEmpty { texts = [""] }
        let leading = Array(repeating: 1, count: input.dimensions.count - 1)
        return Tensor(texts: texts, shape: try shape(leading + [texts.count]))
    }
}

/// Cuts `text` at every `delimiter`, `most` times at most, from the left.
private func split(_ text: [UInt8], at delimiter: [UInt8], most: Int) -> [[UInt8]] {
    var parts: [[UInt8]] = []
    var (start, place) = (0, 0)
    while parts.count < most, place + delimiter.count <= text.count {
        if text[place..<(place + delimiter.count)].elementsEqual(delimiter) {
            parts.append(Array(text[start..<place]))
            place += delimiter.count
            start = place
        } else {
            place += 1
        }
    }
    return parts + [Array(text[start...])]
}

/// Cuts `text` at runs of white space, of which none stands at its ends afterwards.
private func splitAtSpace(_ text: [UInt8], most: Int) -> [[UInt8]] {
    func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
    var parts: [[UInt8]] = []
    var rest = text[...].drop(while: isSpace)
    while !rest.isEmpty {
        guard parts.count < most else {
            while let last = rest.last, isSpace(last) { rest.removeLast() }
            parts.append(Array(rest))
            break
        }
        let word = rest.prefix { !isSpace($0) }
        parts.append(Array(word))
        rest = rest[word.endIndex...].drop(while: isSpace)
    }
    return parts
}

/// Two texts behind each other in the arena.
private func joined(_ left: TextReference, _ right: TextReference, _ frame: Frame) -> TextReference
{
    // Texts are kept one behind the other.
    var text = unsafe frame.text(left.bytes)
    let second = unsafe frame.text(right.bytes)
    guard second.address == text.address + UInt(text.byteCount) else { return TextReference() }
    text.byteCount += second.byteCount
    return text
}

/// StringConcat, StringSplit, StringNormalizer, RegexFullMatch.
let stringOperators: [OperatorDefinition] = [
    OperatorDefinition(
        "StringConcat",
        since: 20,
        inputs: 2...2,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.string])
            try context.require(input: 1, oneOf: [.string])
            return [Fact(.string, try context.operandsShape())]
        },
        compile: { _ in
            { frame in
                let (a, b): (View<TextReference>, View<TextReference>) = (
                    frame.input(0), frame.input(1)
                )
                let output: MutableView<TextReference> = frame.output(0)
                let walk = Walk(frame.outputShape(0), frame.inputShape(0), frame.inputShape(1))
                let (stepA, stepB) = (walk.strideA[0], walk.strideB[0])
                walk.forEachRun { out, startA, startB, _ in
                    for index in 0..<walk.run {
                        output[out &+ index] = joined(
                            a[startA &+ index &* stepA],
                            b[startB &+ index &* stepB],
                            frame
                        )
                    }
                }
            }
        }
    ),
    computed("StringSplit", since: 20, inputs: 1...1, outputs: 1...2) {
        context throws(EngineError) in
        try context.split()
    },
    computed("StringNormalizer", since: 10, inputs: 1...1) { context throws(EngineError) in
        [try context.normalized()]
    },
    OperatorDefinition(
        "RegexFullMatch",
        since: 20,
        inputs: 1...1,
        infer: { context throws(EngineError) in
            try context.require(input: 0, oneOf: [.string])
            return [Fact(.bool, try context.input(0).shape)]
        },
        compile: { context throws(EngineError) in
            let pattern: RegularExpression
            do throws(PatternError) {
                pattern = try RegularExpression(try context.pattern())
            } catch {
                throw context.failure("pattern: \(error.problem)", kind: .unsupported)
            }
            context.reserveScratch(bytes: Dimension(pattern.scratchCount * 4))
            return { frame in
                let texts: View<TextReference> = frame.input(0)
                let output: MutableView<Truth> = frame.output(0)
                let scratch: MutableView<Int32> = frame.scratch()
                for index in texts.indices {
                    output[index] = Truth(unsafe pattern.matches(texts[index].bytes, scratch))
                }
            }
        }
    ),
]

extension NodeContext {
    fileprivate func pattern() throws(PatternError) -> String {
        guard case .string(let pattern) = attributes["pattern"] else {
            throw PatternError(problem: "is missing")
        }
        return pattern
    }
}
