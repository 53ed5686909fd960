// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
internal import Platform

/// Everything by which a port shakes hands, as it was read from the files at one moment.
///
/// When files change a new one is made beside it; sessions hold the one that they began with.
///
/// Safety: the callbacks of `TLSContext+Callbacks.swift` find this object behind a pointer in each
/// session, and a session holds it for as long as it lives.
final class TLSContext: Sendable {
    let certificates: [ServedCertificate]
    let tickets: SharedTicketKeys

    private let names: ServerNames
    /// One for each group of certificates that have the same names, the default one first.
    private let variants: [TLSVariant]

    /// - Throws: everything that is wrong with the files.
    init(_ configuration: TLSConfiguration, tickets: SharedTicketKeys) throws(TLSError) {
        precondition(!configuration.certificates.isEmpty, "who speaks TLS has a certificate")
        var problems: [TLSProblem] = []
        let certificates = configuration.certificates.compactMap { files in
            collect(&problems) { () throws(TLSError) in try ServedCertificate(files) }
        }
        let authorities = configuration.clientAuthorities.flatMap { path in
            collect(&problems) { () throws(TLSError) in try ClientAuthorities(path: path) }
        }
        guard problems.isEmpty else { throw TLSError(problems) }
        var groups: [[ServedCertificate]] = []
        for certificate in certificates {
            if let index = groups.firstIndex(where: { certificate.complements($0) }) {
                groups[index].append(certificate)
            } else {
                groups.append([certificate])
            }
        }
        let variants = groups.compactMap { group in
            collect(&problems) { () throws(TLSError) in
                let variant = try TLSVariant(showing: group)
                try variant.ask(for: configuration.clientCertificates, of: authorities)
                return variant
            }
        }
        guard problems.isEmpty else { throw TLSError(problems) }
        self.certificates = certificates
        self.tickets = tickets
        self.variants = variants
        names = ServerNames(groups.map { $0.flatMap(\.leaf.hostNames) })
    }

    /// The variant for a name that a client asks for; nil where no certificate is for it.
    func variant(for name: String) -> TLSVariant? {
        names.index(of: name).map { variants[$0] }
    }

    /// A server's side of a session over a connected socket; nil where memory is out.
    func makeSession(on descriptor: Int32) -> TLSSession? {
        guard let session = unsafe SSL_new(variants[0].pointer) else { return nil }
        unsafe SSL_set_accept_state(session)
        guard unsafe SSL_set_ex_data(session, 0, Unmanaged.passUnretained(self).toOpaque()) == 1,
            unsafe SSL_set_fd(session, descriptor) == 1
        else {
            unsafe SSL_free(session)
            return nil
        }
        return unsafe TLSSession(owning: session, of: self)
    }
}

/// Runs what may find problems, and adds them to those of others.
func collect<Output>(
    _ problems: inout [TLSProblem],
    _ body: () throws(TLSError) -> Output
) -> Output? {
    do throws(TLSError) {
        return try body()
    } catch {
        problems += error.problems
        return nil
    }
}
