// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
internal import Platform

/// What OpenSSL asks in the middle of a handshake.
///
/// Safety: each callback runs within a call on a session of `makeSession`, which holds the context
/// behind its pointer; what OpenSSL lends is used until the callback returns.
extension TLSContext {
    static func installCallbacks(in context: OpaquePointer) {
        unsafe openssl_on_server_name(context) { session, _, _ in
            unsafe TLSContext.chooseCertificate(session)
        }
        unsafe SSL_CTX_set_alpn_select_cb(
            context,
            { _, chosen, chosenCount, offered, offeredCount, _ in
                unsafe TLSContext.chooseProtocol(
                    UnsafeBufferPointer(start: offered, count: Int(offeredCount)),
                    chosen,
                    chosenCount
                )
            },
            nil
        )
        unsafe openssl_on_status_request(context) { session, _ in
            unsafe TLSContext.staple(session)
        }
        unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(context) {
            session,
            name,
            vector,
            cipher,
            mac,
            seals in
            unsafe TLSContext.prepareTicket(session, name, vector, cipher, mac, seals: seals == 1)
        }
    }

    /// Has clients shake hands in full whose certificate, or an authority's above it, ran out since their
    /// ticket was sealed.
    static func checkResumedCertificates(in context: OpaquePointer) {
        let code = unsafe SSL_CTX_set_session_ticket_cb(
            context,
            { session, _ in unsafe TLSContext.noteEndOfChain(session) },
            { _, resumed, _, _, status, _ in unsafe TLSContext.judgeTicket(resumed, status) },
            nil
        )
        precondition(code == 1, "SSL_CTX_set_session_ticket_cb: failed")
    }

    private static func judgeTicket(_ resumed: OpaquePointer?, _ status: Int32) -> Int32 {
        guard status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW else {
            return SSL_TICKET_RETURN_IGNORE_RENEW
        }
        if let resumed = unsafe resumed, unsafe SSL_SESSION_get0_peer(resumed) != nil,
            unsafe endOfChain(resumed) <= WallClock.now().microseconds / 1_000_000
        {
            return SSL_TICKET_RETURN_IGNORE_RENEW
        }
        return status == SSL_TICKET_SUCCESS
            ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
    }

    /// Puts into a ticket until when all certificates count by which the client was believed: of these a
    /// ticket itself has the client's own only.
    private static func noteEndOfChain(_ session: OpaquePointer?) -> Int32 {
        // None was looked at where a session is resumed; the new ticket has what the old one had.
        guard let session = unsafe session, let sealed = unsafe SSL_get_session(session),
            let chain = unsafe SSL_get0_verified_chain(session)
        else { return 1 }
        var end = Int64.max
        for index in 0..<(unsafe openssl_certificate_count(chain)) {
            let certificate = unsafe openssl_certificate(chain, index)
            end = min(end, unsafe epochSeconds(X509_get0_notAfter(certificate)))
        }
        return unsafe withUnsafeBytes(of: end) {
            unsafe SSL_SESSION_set1_ticket_appdata(sealed, $0.baseAddress, $0.count)
        }
    }

    /// What `noteEndOfChain` put into a ticket; long ago where nothing was.
    private static func endOfChain(_ resumed: OpaquePointer) -> Int64 {
        var data: UnsafeMutableRawPointer?
        var count = 0
        guard unsafe SSL_SESSION_get0_ticket_appdata(resumed, &data, &count) == 1,
            let data = unsafe data, count == MemoryLayout<Int64>.size
        else { return .min }
        return unsafe data.loadUnaligned(as: Int64.self)
    }

    private static func of(_ session: OpaquePointer?) -> TLSContext? {
        guard let session = unsafe session, let pointer = unsafe SSL_get_ex_data(session, 0) else {
            return nil
        }
        return unsafe Unmanaged<TLSContext>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// Takes the certificate that has the name, or stays with the default one: the client decides
    /// whether that will do.
    private static func chooseCertificate(_ session: OpaquePointer?) -> Int32 {
        guard let session = unsafe session, let context = unsafe of(session),
            let text = unsafe SSL_get_servername(session, TLSEXT_NAMETYPE_host_name),
            let variant = context.variant(for: unsafe String(cString: text))
        else { return SSL_TLSEXT_ERR_NOACK }
        let isChosen = unsafe SSL_set_SSL_CTX(session, variant.pointer) != nil
        return isChosen ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK
    }

    /// Chooses `http/1.1` from a client's list, each entry behind its length; a client that speaks only
    /// other protocols is refused (RFC 7301 section 3.2).
    private static func chooseProtocol(
        _ offered: UnsafeBufferPointer<UInt8>,
        _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
        _ chosenCount: UnsafeMutablePointer<UInt8>?
    ) -> Int32 {
        let wanted = "http/1.1".utf8
        var start = 0
        while start < offered.count {
            let count = unsafe Int(offered[start])
            let end = start + 1 + count
            guard end <= offered.count else { break }
            let name = unsafe UnsafeBufferPointer(rebasing: offered[(start + 1)..<end])
            if unsafe name.elementsEqual(wanted) {
                unsafe chosen?.pointee = name.baseAddress
                unsafe chosenCount?.pointee = UInt8(count)
                return SSL_TLSEXT_ERR_OK
            }
            start = end
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }

    /// Hands over what the authority said of the certificate that is shown, while it is fresh.
    private static func staple(_ session: OpaquePointer?) -> Int32 {
        guard let session = unsafe session, let context = unsafe of(session),
            let shown = unsafe SSL_get_certificate(session),
            let certificate = context.certificates.first(where: { unsafe $0.leaf.pointer == shown }
            ),
            let response = certificate.staple,
            response.isFresh(at: WallClock.now().microseconds / 1_000_000),
            let copy = unsafe openssl_allocate(response.bytes.count)
        else { return SSL_TLSEXT_ERR_NOACK }
        unsafe copy.copyMemory(from: response.bytes, byteCount: response.bytes.count)
        unsafe openssl_set_status_response(
            session,
            copy.assumingMemoryBound(to: UInt8.self),
            Int32(response.bytes.count)
        )
        return SSL_TLSEXT_ERR_OK
    }

    /// Prepares to seal a ticket or to open one.
    ///
    /// - Returns: 1 to go on, 2 to go on and give a new ticket, 0 for a ticket that cannot be opened, whose
    ///   client then shakes hands in full.
    private static func prepareTicket(
        _ session: OpaquePointer?,
        _ name: UnsafeMutablePointer<UInt8>?,
        _ vector: UnsafeMutablePointer<UInt8>?,
        _ cipher: OpaquePointer?,
        _ mac: OpaquePointer?,
        seals: Bool
    ) -> Int32 {
        guard let context = unsafe of(session), let name = unsafe name, let vector = unsafe vector
        else { return 0 }
        let nameCount = TicketKey.nameByteCount
        let vectorCount = Int32(16)
        let key: TicketKey
        var isNewest = true
        if seals {
            key = context.tickets.sealing()
            unsafe name.update(from: key.bytes, count: nameCount)
            guard unsafe RAND_bytes(vector, vectorCount) == 1 else { return 0 }
        } else {
            let span = unsafe UnsafeBufferPointer(start: name, count: nameCount).span
            guard let found = context.tickets.opening(span) else { return 0 }
            (key, isNewest) = found
        }
        let isReady = unsafe key.bytes.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return false }
            return unsafe openssl_prepare_ticket(
                cipher,
                mac,
                start + nameCount,
                start + nameCount + 32,
                vector,
                seals ? 1 : 0
            ) == 1
        }
        guard isReady else { return 0 }
        // In TLS 1.3 a ticket is best used once (RFC 8446 appendix C.4).
        let isUsedOnce = unsafe SSL_version(session) == TLS1_3_VERSION
        return isNewest && !isUsedOnce ? 1 : 2
    }
}

/// A port's ticket keys, for all its loops.
final class SharedTicketKeys: Sendable {
    private let keys = Guarded(TicketKeys(random: randomBytes))

    func sealing() -> TicketKey { keys.withLock { $0.sealing(at: Self.now) } }

    func opening(_ name: Span<UInt8>) -> (TicketKey, Bool)? {
        let now = Self.now
        return keys.withLock { keys in keys.opening(name, at: now).map { ($0.key, $0.seals) } }
    }

    private static var now: Int64 { Int64(MonotonicClock.nanoseconds() / 1_000_000) }
}
