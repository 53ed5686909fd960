// SPDX-License-Identifier: Apache-2.0

/// Why a pattern was not understood.
struct PatternError: Error, Equatable {
    let problem: String
}

/// Some characters, as ranges of Unicode scalars.
struct CharacterSet: Equatable, Sendable {
    var ranges: [ClosedRange<UInt32>] = []
    var isNegated = false

    func contains(_ character: UInt32) -> Bool {
        ranges.contains { $0.contains(character) } != isNegated
    }

    /// Characters of RE2's Perl classes are ASCII.
    static let digits = CharacterSet(ranges: [48...57])
    static let words = CharacterSet(ranges: [48...57, 65...90, 95...95, 97...122])
    static let spaces = CharacterSet(ranges: [9...10, 12...13, 32...32])
    static let any = CharacterSet(isNegated: true)
    static let anyButNewline = CharacterSet(ranges: [10...10], isNegated: true)

    /// The set without negation.
    var positive: [ClosedRange<UInt32>] {
        guard isNegated else { return ranges }
        var result: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > next { result.append(next...(range.lowerBound - 1)) }
            next = max(next, range.upperBound + 1)
        }
        if next <= 0x10FFFF { result.append(next...0x10FFFF) }
        return result
    }

    /// The set with the other case of its ASCII letters.
    var foldingCase: CharacterSet {
        var folded = self
        for range in ranges {
            for (first, last, shift) in [(65, 90, 32), (97, 122, -32)] as [(UInt32, UInt32, Int64)]
            {
                let low = max(range.lowerBound, first)
                let high = min(range.upperBound, last)
                if low <= high {
                    folded.ranges.append(
                        UInt32(Int64(low) + shift)...UInt32(Int64(high) + shift)
                    )
                }
            }
        }
        return folded
    }
}

/// A regular expression of RE2's syntax that a whole text matches or not, in time linear in the text.
///
/// A program for a machine that follows all alternatives at once (Thompson, 1968). Understood are
/// literals, classes, groups, alternatives, greedy and lazy repetition, `^ $ \A \z \b \B`, and the flags
/// i and s; names of Unicode properties are not.
struct RegularExpression: Sendable {
    enum Assertion: Sendable { case start, end, wordEdge, noWordEdge }

    enum Instruction: Sendable {
        case character(CharacterSet, next: Int)
        case fork(Int, Int)
        case check(Assertion, next: Int)
        case match
    }

    /// More would make a match slow; RE2 has such a bound too.
    static let maximumLength = 10_000

    private(set) var program: [Instruction] = [.match]
    private var start = 0

    init(_ pattern: String) throws(PatternError) {
        var parser = PatternParser(pattern)
        start = try emit(try parser.parse(), next: 0)
    }

    /// How many numbers `matches` needs: two lists of states, marks, and a stack.
    var scratchCount: Int { program.count * 5 + 8 }

    /// Adds the instructions of `pattern` that go on at `next`; answers where they start.
    private mutating func emit(_ pattern: Pattern, next: Int) throws(PatternError) -> Int {
        switch pattern {
        case .empty: return next
        case .characters(let set): return try add(.character(set, next: next))
        case .check(let assertion): return try add(.check(assertion, next: next))
        case .sequence(let parts):
            var next = next
            for part in parts.reversed() { next = try emit(part, next: next) }
            return next
        case .either(let parts):
            var first = try emit(parts[parts.count - 1], next: next)
            for part in parts.dropLast().reversed() {
                first = try add(.fork(try emit(part, next: next), first))
            }
            return first
        case .repeated(let part, let least, let most):
            var first = next
            if let most {
                for _ in 0..<max(most - least, 0) {
                    first = try add(.fork(try emit(part, next: first), next))
                }
            } else {
                first = try add(.fork(next, next))
                let body = try emit(part, next: first)
                program[first] = .fork(body, next)
            }
            for _ in 0..<least {
                let place = try emit(part, next: first)
                // What takes no instruction is the same however often it stands there; nested, it
                // would be tried a thousand times a thousand times.
                guard place != first else { break }
                first = place
            }
            return first
        }
    }

    private mutating func add(_ instruction: Instruction) throws(PatternError) -> Int {
        guard program.count < Self.maximumLength else {
            throw PatternError(problem: "is longer than \(Self.maximumLength) instructions")
        }
        program.append(instruction)
        return program.count - 1
    }

    /// Whether all of `text`, UTF-8, matches.
    ///
    /// Safety: only reads `text`, within its count.
    @unsafe
    func matches(_ text: UnsafeBufferPointer<UInt8>, _ scratch: MutableView<Int32>) -> Bool {
        let size = program.count
        var (current, next) = (0, size)
        var (currentCount, nextCount) = (0, 0)
        for index in 0..<size { scratch[2 * size + index] = 0 }
        var generation: Int32 = 1
        var place = 0
        var before: UInt32?
        var after = unsafe character(text, &place)

        /// Adds a state, and all that can be reached from it without a character, to a list.
        func reach(_ first: Int, _ list: Int, _ count: inout Int) {
            var depth = 0
            func push(_ state: Int) {
                guard scratch[2 * size + state] != generation else { return }
                scratch[2 * size + state] = generation
                scratch[3 * size + depth] = Int32(state)
                depth += 1
            }
            push(first)
            while depth > 0 {
                depth -= 1
                let state = Int(scratch[3 * size + depth])
                switch program[state] {
                case .fork(let left, let right):
                    push(right)
                    push(left)
                case .check(let assertion, let following):
                    if holds(assertion, before, after) { push(following) }
                case .character, .match:
                    scratch[list + count] = Int32(state)
                    count += 1
                }
            }
        }

        reach(start, current, &currentCount)
        while let character = after {
            before = character
            after = unsafe self.character(text, &place)
            generation &+= 1
            nextCount = 0
            for index in 0..<currentCount {
                if case .character(let set, let following) =
                    program[Int(scratch[current + index])], set.contains(character)
                {
                    reach(following, next, &nextCount)
                }
            }
            swap(&current, &next)
            currentCount = nextCount
            if currentCount == 0 { return false }
        }
        for index in 0..<currentCount {
            if case .match = program[Int(scratch[current + index])] { return true }
        }
        return false
    }

    private func holds(_ assertion: Assertion, _ before: UInt32?, _ after: UInt32?) -> Bool {
        func isWord(_ character: UInt32?) -> Bool {
            character.map(CharacterSet.words.contains) ?? false
        }
        return switch assertion {
        case .start: before == nil
        case .end: after == nil
        case .wordEdge: isWord(before) != isWord(after)
        case .noWordEdge: isWord(before) == isWord(after)
        }
    }

    /// The scalar at `place`, which moves behind it; what is no UTF-8 is U+FFFD, a byte each.
    @unsafe
    private func character(_ text: UnsafeBufferPointer<UInt8>, _ place: inout Int) -> UInt32? {
        guard place < text.count else { return nil }
        let first = unsafe text[place]
        place += 1
        if first < 0x80 { return UInt32(first) }
        let length = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC2 ? 1 : 0
        guard length > 0, first < 0xF5, place + length <= text.count else { return 0xFFFD }
        var value = UInt32(first) & (0x3F >> UInt32(length))
        for offset in 0..<length {
            let byte = unsafe text[place + offset]
            guard byte & 0xC0 == 0x80 else { return 0xFFFD }
            value = value << 6 | UInt32(byte & 0x3F)
        }
        place += length
        return value
    }
}
