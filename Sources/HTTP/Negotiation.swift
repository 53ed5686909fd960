// SPDX-License-Identifier: Apache-2.0

extension RequestHead {
    /// Whether the client's `Accept` names this type and gives it a weight (RFC 9110 section 12.5.1).
    ///
    /// Ranges such as `*/*` do not ask for a type in particular and do not count.
    package func accepts(_ type: StaticString) -> Bool {
        withHeader("accept") { names(type, in: $0) } ?? false
    }
}

/// Whether an `Accept` names a type, in any case, and not only to say no to it.
func names(_ type: StaticString, in value: Span<UInt8>) -> Bool {
    for element in listElements(value) {
        let item = value.extracting(element)
        let pieces = pieces(of: item)
        guard item.extracting(pieces[0]).equalsIgnoringCase(type) else { continue }
        let weight = pieces.dropFirst().first { piece in
            piece.count > 1 && item[piece.lowerBound].lowercased == 0x71
                && item[piece.lowerBound + 1] == 0x3D
        }
        guard let weight else { return true }
        if !isZeroWeight(item.extracting(weight)) { return true }
    }
    return false
}

/// Whether an `Accept-Encoding` lets an answer be gzip (RFC 9110 section 12.5.3): the most special of
/// `gzip` and `*` decides, and a weight of 0 is a no.
func acceptsGzip(_ value: Span<UInt8>) -> Bool {
    var any = false
    for element in listElements(value) {
        let item = value.extracting(element)
        var end = 0
        while end < item.count, ByteSet.token.contains(item[end]) { end += 1 }
        let coding = item.extracting(0..<end)
        let isWanted = !hasZeroWeight(item.extracting(end..<item.count))
        if coding.equalsIgnoringCase("gzip") || coding.equalsIgnoringCase("x-gzip") {
            return isWanted
        }
        if coding.equals("*") { any = isWanted }
    }
    return any
}

/// Whether parameters such as `;q=0.000` weigh nothing; what is malformed does as well.
private func hasZeroWeight(_ parameters: Span<UInt8>) -> Bool {
    var index = firstVisible(parameters, from: 0)
    guard index < parameters.count else { return false }
    guard parameters[index] == Byte.semicolon else { return true }
    index = firstVisible(parameters, from: index + 1)
    return isZeroWeight(parameters.extracting(index..<parameters.count))
}

/// Whether a parameter such as `q=0.000` weighs nothing; what is malformed does as well.
private func isZeroWeight(_ parameter: Span<UInt8>) -> Bool {
    guard parameter.count > 2, parameter[0].lowercased == 0x71, parameter[1] == 0x3D
    else { return true }
    var hasDigit = false
    for index in 2..<parameter.count {
        let byte = parameter[index]
        guard byte.isDigit || byte == 0x2E else { return true }
        if byte.isDigit, byte != 0x30 { hasDigit = true }
    }
    return !hasDigit
}

/// What semicolons part, without the spaces around; a semicolon in quotes parts as well, which at worst
/// hides what comes behind.
private func pieces(of item: Span<UInt8>) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var start = 0
    for index in 0...item.count where index == item.count || item[index] == Byte.semicolon {
        var high = index
        while high > start, item[high - 1] == Byte.space || item[high - 1] == Byte.tab { high -= 1 }
        pieces.append(min(firstVisible(item, from: start), high)..<high)
        start = index + 1
    }
    return pieces
}

/// The index of the first byte that is no space or tab.
private func firstVisible(_ bytes: Span<UInt8>, from start: Int) -> Int {
    var index = start
    while index < bytes.count, bytes[index] == Byte.space || bytes[index] == Byte.tab {
        index += 1
    }
    return index
}
