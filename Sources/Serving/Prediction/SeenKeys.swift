// SPDX-License-Identifier: Apache-2.0

/// The keys of one object of a request that have been read.
///
/// A key that comes again is refused, because readers of JSON disagree about which of them counts.
struct SeenKeys {
    private var bits: UInt16 = 0

    /// Takes note of a key, or refuses it where it was there before.
    ///
    /// - Parameters:
    ///   - place: tells the object's known keys apart, from 0 to 15.
    ///   - name: the key, for the client.
    /// - Throws: what the client did.
    mutating func claim(_ place: UInt16, _ name: String) throws(Failure) {
        guard bits & (1 << place) == 0 else { throw .repeated(name) }
        bits |= 1 << place
    }
}
