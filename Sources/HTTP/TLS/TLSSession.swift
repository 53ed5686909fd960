// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
internal import Platform

/// One connection's TLS, over a socket that does not wait; only one thread uses it at a time.
///
/// OpenSSL reads the socket into a buffer of its own, which may then hold more than was asked for: who
/// waits for the socket alone would leave that lying, so `hasUnread` has to be looked at.
///
/// Safety: `session` is private, taken over in `init` and given back in `deinit`; buffers are lent to
/// OpenSSL for one call.
@safe
final class TLSSession {
    enum Progress: Equatable {
        case done
        /// The socket cannot be read or written now; `receiveWaits` says which.
        case notNow
        /// OpenSSL's queue of this thread says why, until it is used for something else.
        case failed
    }

    /// What a handshake, or receiving, has to wait for: a key update is answered before more is read.
    private(set) var receiveWaits = Readiness.readable
    /// What sending has to wait for.
    private(set) var sendWaits = Readiness.writable
    /// Whether there is something to receive that no event will tell of.
    private(set) var hasUnread = false
    /// Whether OpenSSL keeps its buffer for reading, as a record is not whole or not taken.
    private(set) var holdsRecord = false
    /// How the client is called in the certificate that it showed and that was verified.
    private(set) var clientName: String?

    /// What OpenSSL's buffer for one record takes, to read or to write.
    static let recordByteCount = 17 << 10
    /// What a handshake takes at most, with what `isHandshakeTooLong` lets come.
    static let handshakeByteCount = 64 << 10
    private static let handshakeLimit = 32 << 10

    private let session: OpaquePointer
    /// What the callbacks use.
    private let owner: AnyObject
    /// How receiving ended; OpenSSL must not be asked again then.
    private var end: IOResult?
    private var isBroken = false

    /// Takes over a session.
    init(owning session: OpaquePointer, of owner: AnyObject) {
        unsafe self.session = session
        self.owner = owner
    }

    deinit { unsafe SSL_free(session) }

    /// Goes on with the handshake as far as the socket allows.
    func shakeHands() -> Progress {
        forgetTLSErrors()
        let code = unsafe SSL_do_handshake(session)
        guard code != 1 else {
            receiveWaits = .readable
            hasUnread = unsafe SSL_has_pending(session) == 1
            holdsRecord = hasUnread
            return .done
        }
        switch unsafe SSL_get_error(session, code) {
        case SSL_ERROR_WANT_READ: receiveWaits = .readable
        case SSL_ERROR_WANT_WRITE: receiveWaits = .writable
        default:
            isBroken = true
            return .failed
        }
        return .notNow
    }

    /// Whether more has come than a handshake is made of.
    ///
    /// That is two greetings, and a client's certificates where they are asked for; OpenSSL would keep a
    /// message of up to 128 KiB until it is whole.
    var isHandshakeTooLong: Bool {
        guard let reader = unsafe SSL_get_rbio(session) else { return false }
        return unsafe BIO_number_read(reader) > UInt64(Self.handshakeLimit)
    }

    /// Receives into `bytes` from index `start` on, as much as is there and finds room.
    func receive(into bytes: inout [UInt8], at start: Int) -> IOResult {
        precondition(start >= 0 && start < bytes.count, "receiving behind the buffer")
        return receive {
            unsafe bytes.withUnsafeMutableBytes { unsafe fill($0, from: start) } - start
        }
    }

    /// Receives into memory, as much as is there and finds room.
    func receive(into bytes: inout MutableRawSpan) -> IOResult {
        receive { unsafe bytes.withUnsafeMutableBytes { unsafe fill($0, from: 0) } }
    }

    private func receive(_ fill: () -> Int) -> IOResult {
        hasUnread = false
        holdsRecord = false
        if let end { return end }
        receiveWaits = .readable
        let count = fill()
        guard count > 0 else { return end ?? .notNow }
        if end != nil { hasUnread = true }
        return .count(count)
    }

    /// Takes record after record; a read of the socket may have brought many.
    private func fill(_ buffer: UnsafeMutableRawBufferPointer, from start: Int) -> Int {
        var filled = start
        repeat {
            guard filled < buffer.count else {
                hasUnread = true
                holdsRecord = true
                break
            }
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            var count = 0
            forgetTLSErrors()
            let code = unsafe SSL_read_ex(session, rest.baseAddress, rest.count, &count)
            guard code == 1 else {
                noteReceiving(unsafe SSL_get_error(session, code))
                break
            }
            filled += count
        } while unsafe SSL_has_pending(session) == 1
        return filled
    }

    private func noteReceiving(_ error: Int32) {
        switch error {
        case SSL_ERROR_WANT_READ: holdsRecord = unsafe SSL_has_pending(session) == 1
        case SSL_ERROR_WANT_WRITE: receiveWaits = .writable
        case SSL_ERROR_ZERO_RETURN: end = .count(0)
        default:
            isBroken = true
            end = .failed(0)
        }
    }

    /// Sends `bytes` from index `start` on, as much as the socket takes.
    ///
    /// What is not taken has to come again, unchanged and first: a part may be encrypted already.
    func send(_ bytes: Span<UInt8>, from start: Int) -> IOResult {
        guard !isBroken else { return .failed(0) }
        sendWaits = .writable
        let sent = unsafe bytes.withUnsafeBytes { unsafe push($0, from: start) }
        guard sent == start else { return .count(sent - start) }
        return isBroken ? .failed(0) : .notNow
    }

    private func push(_ buffer: UnsafeRawBufferPointer, from start: Int) -> Int {
        var sent = start
        while sent < buffer.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[sent...])
            var count = 0
            forgetTLSErrors()
            let code = unsafe SSL_write_ex(session, rest.baseAddress, rest.count, &count)
            guard code == 1 else {
                switch unsafe SSL_get_error(session, code) {
                case SSL_ERROR_WANT_WRITE: break
                case SSL_ERROR_WANT_READ: sendWaits = .readable
                default: isBroken = true
                }
                break
            }
            sent += count
        }
        return sent
    }

    /// Tells the peer that no more will be sent (`close_notify`).
    func finish() -> Progress {
        guard !isBroken, unsafe SSL_is_init_finished(session) == 1 else { return .done }
        forgetTLSErrors()
        let code = unsafe SSL_shutdown(session)
        guard code < 0 else { return .done }
        switch unsafe SSL_get_error(session, code) {
        case SSL_ERROR_WANT_WRITE:
            receiveWaits = .writable
            return .notNow
        case SSL_ERROR_WANT_READ: return .done
        default:
            isBroken = true
            return .done
        }
    }

    // MARK: What was agreed on

    /// Whether a session of before was gone on with, without certificates being shown again.
    var isResumed: Bool { unsafe SSL_session_reused(session) == 1 }

    var isTLS13: Bool { unsafe SSL_version(session) == TLS1_3_VERSION }

    /// What OpenSSL found wrong with the peer's certificate; nil where it found nothing.
    var verificationProblem: String? {
        let code = unsafe SSL_get_verify_result(session)
        guard code != X509_V_OK, let text = unsafe X509_verify_cert_error_string(code) else {
            return nil
        }
        return unsafe String(cString: text)
    }

    /// Looks for the certificate that the client showed, once the handshake is done.
    func takePeerName() {
        guard let pointer = unsafe SSL_get0_peer_certificate(session),
            unsafe SSL_get_verify_result(session) == X509_V_OK,
            unsafe X509_up_ref(pointer) == 1
        else { return }
        clientName = unsafe Certificate(owning: pointer).subjectName
    }
}

/// Why a handshake came to nothing, as metrics call it.
enum TLSFailure: String, CaseIterable, Sendable {
    /// The client speaks no version that is spoken here.
    case version
    /// No suite, group or way of signing in common.
    case suite
    /// The client speaks only other protocols than HTTP/1.1.
    case alpn
    /// The client showed no certificate where one is required.
    case noCertificate = "no_certificate"
    /// The client's certificate is not right.
    case badCertificate = "bad_certificate"
    /// The client ended it, mostly because our certificate does not satisfy it.
    case refusedByClient = "refused_by_client"
    /// The client left.
    case closed
    /// The client took too long.
    case timeout
    /// The client had taken longest when others came.
    case crowdedOut = "crowded_out"
    /// The client spoke HTTP without TLS.
    case plainHTTP = "plain_http"
    /// What came is not a handshake, or a broken one.
    case malformed

    /// What OpenSSL's queue of this thread says; the queue is emptied.
    static func last() -> TLSFailure {
        guard let reason = takeTLSReason() else { return .closed }
        switch reason.number {
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_WRONG_SSL_VERSION, SSL_R_VERSION_TOO_LOW,
            SSL_R_INAPPROPRIATE_FALLBACK:
            return .version
        case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SHARED_GROUPS, SSL_R_NO_SUITABLE_KEY_SHARE,
            SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS,
            SSL_R_NO_SUITABLE_GROUPS:
            return .suite
        case SSL_R_NO_APPLICATION_PROTOCOL: return .alpn
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return .noCertificate
        case SSL_R_CERTIFICATE_VERIFY_FAILED, SSL_R_BAD_SIGNATURE, SSL_R_CA_KEY_TOO_SMALL,
            SSL_R_CA_MD_TOO_WEAK, SSL_R_EE_KEY_TOO_SMALL:
            return .badCertificate
        case SSL_R_UNEXPECTED_EOF_WHILE_READING: return .closed
        // Alerts of the client begin here.
        case let number where number >= SSL_AD_REASON_OFFSET: return .refusedByClient
        default: return .malformed
        }
    }
}
