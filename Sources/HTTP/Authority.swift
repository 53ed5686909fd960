// SPDX-License-Identifier: Apache-2.0

/// Whether the bytes are a host and perhaps a port, without a user (RFC 3986 sections 3.2.2, 3.2.3).
///
///     name[:port]    127.0.0.1[:port]    [IPv6 address][:port]
///
/// The name may be empty, as the grammar of `Host` has it, and so may the port. Of an address in
/// brackets the characters are checked, not how many groups it has.
func isAuthority(_ value: Span<UInt8>) -> Bool {
    guard value.count > 0, value[0] == 0x5B else {
        return isPort(value, from: hostNameEnd(value))
    }
    var index = 1
    var colonCount = 0
    while index < value.count, value[index] != 0x5D {
        let byte = value[index]
        guard byte == Byte.colon || byte == 0x2E || byte.hexadecimalValue != nil else {
            return false
        }
        if byte == Byte.colon { colonCount += 1 }
        index += 1
    }
    return colonCount >= 2 && index < value.count && isPort(value, from: index + 1)
}

/// Where the first byte is that a host's name cannot have; an escape in it is whole.
private func hostNameEnd(_ value: Span<UInt8>) -> Int {
    var index = 0
    while index < value.count {
        if ByteSet.hostName.contains(value[index]) {
            index += 1
        } else if value[index] == Byte.percent, index + 2 < value.count,
            value[index + 1].hexadecimalValue != nil, value[index + 2].hexadecimalValue != nil
        {
            index += 3
        } else {
            break
        }
    }
    return index
}

/// Whether nothing is left, or a colon and digits.
private func isPort(_ value: Span<UInt8>, from start: Int) -> Bool {
    guard start < value.count else { return true }
    guard value[start] == Byte.colon else { return false }
    for index in (start + 1)..<value.count where !value[index].isDigit { return false }
    return true
}
