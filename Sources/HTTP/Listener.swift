// SPDX-License-Identifier: Apache-2.0
internal import Platform

/// A socket on which one loop accepts.
final class Listener: Sendable {
    enum Owner: Sendable {
        /// This loop alone; others may have sockets of their own at the same address.
        case loop
        /// The loops of this server together.
        case server
        /// Somebody else, who goes on holding it when all loops have let go.
        case other
    }

    let owner: Owner
    /// Whether it is a Unix-domain socket, whose clients speak without TLS.
    let isLocal: Bool
    private let descriptor: Descriptor

    init(_ descriptor: consuming Descriptor, owner: Owner, isLocal: Bool) {
        self.owner = owner
        self.isLocal = isLocal
        self.descriptor = descriptor
    }

    var number: Int32 { descriptor.number }

    var wantedReadiness: Readiness {
        owner == .loop ? .readable : [.readable, .exclusive]
    }

    /// The same socket for one more loop.
    func copy() throws(SystemError) -> Listener {
        Listener(try descriptor.duplicate(), owner: owner, isLocal: isLocal)
    }
}
