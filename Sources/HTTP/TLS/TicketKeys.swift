// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// The keys under which sessions are sealed into tickets that clients keep (RFC 5077, RFC 8446).
///
/// They are made here and live in memory only, so that a copy of the disk opens nothing. One key seals
/// for a while and opens for twice as long again; then what it sealed cannot be opened any more, also by
/// who comes to know all that this process knows. All loops of a port share them, as a client may
/// come back to any.
///
/// Pure: the time and random bytes go in. Nothing here locks.
struct TicketKeys: Sendable {
    /// In milliseconds.
    static let sealingTime: Int64 = 3_600_000
    static let openingTime = 3 * sealingTime

    /// Also how long clients are told that a ticket is good for, in seconds: each can be opened for so
    /// long, whenever it was sealed.
    static let lifetime = Int((openingTime - sealingTime) / 1000)

    private var keys: [TicketKey] = []
    private let random: @Sendable (Int) -> [UInt8]

    init(random: @escaping @Sendable (Int) -> [UInt8]) { self.random = random }

    /// The key to seal with; a new one where the last has sealed for long enough.
    mutating func sealing(at now: Int64) -> TicketKey {
        forget(at: now)
        if let newest = keys.first, now < newest.made + Self.sealingTime { return newest }
        let key = TicketKey(random(TicketKey.byteCount), made: now)
        keys.insert(key, at: 0)
        return key
    }

    /// The key of that name, and whether it still seals; nil where it is unknown or forgotten.
    mutating func opening(_ name: Span<UInt8>, at now: Int64) -> (key: TicketKey, seals: Bool)? {
        forget(at: now)
        for key in keys where key.isNamed(name) {
            return (key, now < key.made + Self.sealingTime)
        }
        return nil
    }

    private mutating func forget(at now: Int64) {
        guard let oldest = keys.last, now >= oldest.made + Self.openingTime else { return }
        keys.removeAll { now >= $0.made + Self.openingTime }
    }
}

/// A key for tickets: 16 bytes of name, 32 for the cipher, 32 for the authentication.
///
/// `@unchecked Sendable`: the bytes are written only where nobody else is left to read them.
final class TicketKey: @unchecked Sendable {
    static let nameByteCount = 16
    static let byteCount = nameByteCount + 64

    private(set) var bytes: [UInt8]
    /// On the clock of those who use it, in milliseconds.
    let made: Int64

    init(_ bytes: [UInt8], made: Int64) {
        precondition(bytes.count == Self.byteCount, "a ticket key has \(Self.byteCount) bytes")
        self.bytes = bytes
        self.made = made
    }

    deinit { wipe(&bytes) }

    func isNamed(_ name: Span<UInt8>) -> Bool {
        guard name.count == Self.nameByteCount else { return false }
        for index in name.indices where name[index] != bytes[index] { return false }
        return true
    }
}

/// Overwrites a secret, also where a compiler thinks that nobody would notice.
func wipe(_ bytes: inout [UInt8]) {
    unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe OPENSSL_cleanse(buffer.baseAddress, buffer.count)
    }
}
