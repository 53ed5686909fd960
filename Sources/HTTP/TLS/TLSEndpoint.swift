// SPDX-License-Identifier: Apache-2.0
internal import Platform
package import Synchronization

/// A port's TLS: the certificates in use, and those that take their place when files change.
package final class TLSEndpoint: Sendable {
    /// What looking at the files came to.
    package enum Change: Sendable {
        case reloaded
        /// What was in use stays so.
        case refused(TLSError)
    }

    /// A certificate that is in use.
    package struct Summary: Equatable, Sendable {
        package var file: String
        /// Names of machines, wildcards included.
        package var names: [String]
        /// Both in seconds since 1970.
        package var validFrom: Int64
        package var validUntil: Int64
        /// Whether each certificate of the chain may come from the next.
        package var isChainInOrder: Bool
        /// Until when clients get what the authority's OCSP server said; nil where there is nothing, or no end.
        package var stapledUntil: Int64?

        package init(
            file: String,
            names: [String],
            validFrom: Int64,
            validUntil: Int64,
            isChainInOrder: Bool,
            stapledUntil: Int64? = nil
        ) {
            self.file = file
            self.names = names
            self.validFrom = validFrom
            self.validUntil = validUntil
            self.isChainInOrder = isChainInOrder
            self.stapledUntil = stapledUntil
        }
    }

    package let configuration: TLSConfiguration
    package let counters = TLSCounters()

    private let tickets = SharedTicketKeys()
    private let current: Guarded<TLSContext>
    private let watch: Guarded<FileWatch>

    /// What an idle connection takes beside what a plain one does.
    ///
    /// That is some 14 KiB, and a client's certificates where they are asked for. Handshakes are counted
    /// by themselves, and records under way are charged to the memory for requests.
    static func connectionByteCount(_ configuration: TLSConfiguration) -> Int {
        configuration.clientCertificates == .none ? 18 << 10 : 32 << 10
    }

    /// - Throws: everything that is wrong with the files.
    package init(_ configuration: TLSConfiguration) throws(TLSError) {
        self.configuration = configuration
        // Before reading: what changes meanwhile is found again.
        watch = Guarded(FileWatch(FileWatch.look(configuration.paths)))
        current = Guarded(try TLSContext(configuration, tickets: tickets))
    }

    package var certificates: [Summary] {
        current.withLock { $0 }.certificates.map { certificate in
            Summary(
                file: certificate.files.chain,
                names: certificate.leaf.hostNames,
                validFrom: certificate.leaf.validFrom,
                validUntil: certificate.leaf.validUntil,
                isChainInOrder: certificate.isChainInOrder,
                stapledUntil: certificate.staple?.nextUpdate
            )
        }
    }

    /// Reads the files again; new connections get what is in them, those that are open stay.
    ///
    /// - Throws: everything that is wrong with the files; what was in use stays so.
    package func reload() throws(TLSError) {
        let found = FileWatch(FileWatch.look(configuration.paths))
        watch.withLock { $0 = found }
        let context = try TLSContext(configuration, tickets: tickets)
        let now = WallClock.now().microseconds / 1_000_000
        let expired = context.certificates.filter { $0.leaf.validUntil <= now }
        guard expired.isEmpty else {
            throw TLSError(
                expired.map {
                    TLSProblem(
                        file: $0.files.chain,
                        found: "the new certificate has expired already",
                        remedy: "put one there that still counts"
                    )
                }
            )
        }
        current.withLock { $0 = context }
    }

    /// Reads the files again where they changed and have come to rest; nil where there was nothing to do.
    ///
    /// For a caller that comes every few seconds, on one thread, and may wait for the disk.
    package func reloadIfChanged() -> Change? {
        let found = FileWatch.look(configuration.paths)
        guard watch.withLock({ $0.isDue(found) }) else { return nil }
        do throws(TLSError) {
            try reload()
            return .reloaded
        } catch {
            return .refused(error)
        }
    }

    /// A server's side of a session over a connected socket; nil where memory is out.
    func makeSession(on descriptor: Int32) -> TLSSession? {
        current.withLock { $0 }.makeSession(on: descriptor)
    }
}

/// Tells when files are others than they were, and have stopped changing.
///
/// Certificate and key are two files, so that between the writing of one and the other they do not go
/// together: only what looks the same twice is worth reading.
struct FileWatch: Sendable {
    /// Nil for a file that is not there.
    private let taken: [FileStatus?]
    private var last: [FileStatus?]

    init(_ found: [FileStatus?]) {
        taken = found
        last = found
    }

    /// Whether what was found now is worth reading.
    mutating func isDue(_ found: [FileStatus?]) -> Bool {
        defer { last = found }
        return found != taken && found == last
    }

    static func look(_ paths: [String]) -> [FileStatus?] {
        paths.map { try? fileStatus(of: $0) }
    }
}

/// What a port counts about handshakes; every figure may be read from any thread.
package final class TLSCounters: Sendable {
    /// With certificates shown, by version.
    package let full12 = Atomic(0)
    package let full13 = Atomic(0)
    /// By ticket, by version.
    package let resumed12 = Atomic(0)
    package let resumed13 = Atomic(0)

    private let failures = Guarded<[TLSFailure: Int]>([:])

    /// Handshakes that came to nothing, by why.
    package var failureCounts: [(reason: String, count: Int)] {
        let counts = failures.withLock { $0 }
        return TLSFailure.allCases.map { ($0.rawValue, counts[$0] ?? 0) }
    }

    func count(_ failure: TLSFailure) {
        failures.withLock { $0[failure, default: 0] += 1 }
    }

    func count(_ session: TLSSession) {
        switch (session.isTLS13, session.isResumed) {
        case (true, false): full13.add(1)
        case (true, true): resumed13.add(1)
        case (false, false): full12.add(1)
        case (false, true): resumed12.add(1)
        }
    }
}
