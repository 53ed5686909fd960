// SPDX-License-Identifier: Apache-2.0

/// How a port speaks TLS: which files, and what is asked of clients.
package struct TLSConfiguration: Equatable, Sendable {
    /// A certificate with those who vouch for it, and what proves that it is ours.
    package struct Certificate: Equatable, Sendable {
        /// PEM: the certificate itself first, then those in between it and a root.
        package var chain: String
        /// PEM: the private key, not encrypted, which nobody else may read.
        package var key: String
        /// DER: a response of the authority's OCSP server, for clients that ask for one.
        package var response: String?

        package init(chain: String, key: String, response: String? = nil) {
            self.chain = chain
            self.key = key
            self.response = response
        }
    }

    /// Whether clients show a certificate; one that is shown must be right in any case.
    package enum ClientCertificates: String, CaseIterable, Sendable {
        case none, optional, required
    }

    /// Chosen by the name that a client asks for; the first is for all other names.
    package var certificates: [Certificate]
    package var clientCertificates: ClientCertificates
    /// PEM: the authorities whose client certificates count.
    package var clientAuthorities: String?
    /// From accepting a connection to the end of its handshake.
    package var handshakeDeadline = Duration.seconds(10)

    package init(
        certificates: [Certificate],
        clientCertificates: ClientCertificates = .none,
        clientAuthorities: String? = nil
    ) {
        self.certificates = certificates
        self.clientCertificates = clientCertificates
        self.clientAuthorities = clientAuthorities
    }

    /// All files, each once.
    var paths: [String] {
        var paths: [String] = []
        for certificate in certificates {
            paths += [certificate.chain, certificate.key]
            if let response = certificate.response { paths.append(response) }
        }
        if let clientAuthorities { paths.append(clientAuthorities) }
        return paths
    }
}
