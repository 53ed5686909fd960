// SPDX-License-Identifier: Apache-2.0

/// The word that was probably meant; nil where none is near.
///
/// A word that differs in case only is nearest. Otherwise letters may be missing, added, wrong or
/// swapped with their neighbour (Damerau-Levenshtein distance, optimal string alignment), one for
/// each three letters of the word and at least one. Words under three letters, and
/// over 64 (a client's text may be long, and the cost grows with its square), get no suggestion.
///
/// - Parameters:
///   - word: what was written.
///   - candidates: what is allowed; the first of equally near ones wins.
/// - Returns: one of the candidates.
package func nearestWord(to word: String, among candidates: some Sequence<String>) -> String? {
    guard word.utf8.count <= 256 else { return nil }
    let wanted = Array(word.lowercased().unicodeScalars)
    guard wanted.count <= 64 else { return nil }
    let limit = max(1, wanted.count / 3)
    var best: (word: String, distance: Int)?
    for candidate in candidates where candidate.utf8.count <= 256 {
        let letters = Array(candidate.lowercased().unicodeScalars)
        if letters == wanted { return candidate }
        guard wanted.count > 2, abs(letters.count - wanted.count) <= limit else { continue }
        let distance = editDistance(wanted, letters)
        if distance <= limit, distance < best?.distance ?? .max {
            best = (candidate, distance)
        }
    }
    return best?.word
}

/// "did you mean 'categories'?", or nil where nothing is near.
package func suggestion(for word: String, among candidates: some Sequence<String>) -> String? {
    nearestWord(to: word, among: candidates).map { "did you mean '\($0)'?" }
}

/// Three rows of the table of distances between beginnings of both words.
private func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...right.count)
    for row in left.indices {
        var current = [row + 1]
        for column in right.indices {
            let change = left[row] == right[column] ? 0 : 1
            var distance = min(last[column + 1] + 1, current[column] + 1, last[column] + change)
            if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                distance = min(distance, beforeLast[column - 1] + 1)
            }
            current.append(distance)
        }
        beforeLast = last
        last = current
    }
    return last[right.count]
}
