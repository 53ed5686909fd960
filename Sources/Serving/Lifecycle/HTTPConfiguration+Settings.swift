// SPDX-License-Identifier: Apache-2.0
package import HTTP

extension HTTPConfiguration {
    /// The port for predictions, as the settings have it.
    package static func inference(_ settings: Settings, cores: Int) -> HTTPConfiguration {
        var configuration = HTTPConfiguration(settings)
        configuration.host = settings.address
        configuration.port = UInt16(clamping: settings.port)
        configuration.socket = .init(settings.socket, permissions: settings.socketMode)
        configuration.tls = TLSConfiguration(settings.tls, settings)
        configuration.loopCount = settings.loopCount(cores: cores)
        configuration.bodyByteCount = settings.limits.bodyBytes
        configuration.alignedBehind = "inference-header-content-length"
        configuration.bufferByteCount = settings.limits.requestMemory
        configuration.connectionLimit = settings.limits.connections
        configuration.takeLive(from: settings, isInference: true)
        return configuration
    }

    /// The port for operators, whose orders are small and few.
    package static func operations(_ settings: Settings) -> HTTPConfiguration {
        var configuration = HTTPConfiguration(settings)
        configuration.host = settings.operations.address
        configuration.port = UInt16(clamping: settings.operations.port)
        configuration.socket = .init(
            settings.operations.socket,
            permissions: settings.operations.socketMode
        )
        configuration.tls = TLSConfiguration(settings.operations.tls, settings)
        configuration.loopCount = 1
        configuration.bodyByteCount = 64 << 10
        configuration.bufferByteCount = 8 << 20
        configuration.connectionLimit = min(256, settings.limits.connections)
        return configuration
    }

    private init(_ settings: Settings) {
        self.init()
        head.headByteCount = settings.limits.headBytes
        packedByteCount = settings.compression.minimumBytes
        takeLive(from: settings, isInference: false)
    }

    /// Takes what may change while a port is served.
    mutating func takeLive(from settings: Settings, isInference: Bool) {
        head.targetByteCount = settings.limits.targetBytes
        headDeadline = settings.deadlines.head
        bodyDeadline = settings.deadlines.body
        idleDeadline = settings.deadlines.idle
        writeDeadline = settings.deadlines.write
        tls?.handshakeDeadline = settings.deadlines.handshake
        unpackedRatio = settings.limits.unpackedRatio
        if isInference { minimumRate = settings.limits.minimumRate }
    }
}

extension HTTPConfiguration.LocalSocket {
    fileprivate init?(_ path: String?, permissions: Int) {
        guard let path else { return nil }
        self.init(path: path, permissions: UInt32(clamping: permissions))
    }
}

extension TLSConfiguration {
    /// A port's TLS as the settings have it; nil where there is no certificate.
    package init?(_ port: Settings.TLS, _ settings: Settings) {
        guard !port.certificates.isEmpty else { return nil }
        self.init(
            certificates: port.certificates,
            clientCertificates: port.clientCertificates,
            clientAuthorities: port.clientCA
        )
        handshakeDeadline = settings.deadlines.handshake
    }
}
