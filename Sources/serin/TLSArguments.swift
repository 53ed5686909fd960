// SPDX-License-Identifier: Apache-2.0
import HTTP
import Serving

extension FlagSpec {
    /// What every command takes that may have to speak TLS.
    static let tls: [FlagSpec] = [
        FlagSpec(
            name: "--tls-ca",
            value: "FILE",
            summary: "authorities that vouch for a daemon that speaks TLS, or the word system",
            isBrief: true
        ),
        FlagSpec(
            name: "--tls-name",
            value: "NAME",
            summary: "the name in its certificate, where that is not its address",
            isBrief: true
        ),
        FlagSpec(
            name: "--client-certificate",
            value: "FILE",
            summary: "shown to a daemon that asks for one",
            isBrief: true
        ),
        FlagSpec(
            name: "--client-key",
            value: "FILE",
            summary: "the private key of --client-certificate",
            isBrief: true
        ),
    ]
}

extension Arguments {
    /// How to speak with a port of the daemon; nil for one that does not speak TLS.
    ///
    /// With neither authorities nor a name given, the certificates in the daemon's own settings are those
    /// that are trusted, unless the question is one that anybody may ask and answer.
    func tlsOptions(
        for port: Settings.TLS,
        isSecret: Bool
    ) throws(CommandFailure) -> TLSClientOptions? {
        let authorities = self["--tls-ca"]
        let files = port.certificates.map(\.chain)
        guard authorities != nil || !files.isEmpty else {
            for flag in ["--tls-name", "--client-certificate", "--client-key"] where has(flag) {
                throw .misuse(
                    "\(flag): nothing says that the daemon speaks TLS; give --tls-ca or --config too"
                )
            }
            return nil
        }
        let trust: TLSClientOptions.Trust =
            switch authorities {
            case "system": .system
            case let file?: .authorities(file)
            case nil where has("--tls-name"): .system
            case nil: isSecret ? .exactly(files) : .anybody
            }
        return TLSClientOptions(
            trust: trust,
            serverName: self["--tls-name"],
            certificate: try clientCertificate()
        )
    }

    private func clientCertificate() throws(CommandFailure) -> TLSConfiguration.Certificate? {
        switch (self["--client-certificate"], self["--client-key"]) {
        case (nil, nil): return nil
        case (let chain?, let key?): return .init(chain: chain, key: key)
        case (nil, _): throw .misuse("--client-key needs --client-certificate")
        case (_, nil): throw .misuse("--client-certificate needs --client-key")
        }
    }
}
