// SPDX-License-Identifier: Apache-2.0

/// Reads a number that must fill a range of bytes, in the grammar of RFC 8259, section 6.
///
/// For texts that are not JSON, such as the fields of a table.
///
/// - Returns: nil where the range holds anything else.
package func readWholeNumber(in bytes: Span<UInt8>, _ range: Range<Int>) -> JSONNumberToken? {
    guard range.lowerBound >= 0, range.upperBound <= bytes.count else { return nil }
    let text = bytes.extracting(range)
    var offset = 0
    guard let token = try? readNumber(in: text, at: &offset), offset == text.count else {
        return nil
    }
    return token
}
