// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// One thing wrong with the files of a TLS configuration.
package struct TLSProblem: Equatable, Sendable, CustomStringConvertible {
    package var file: String
    package var found: String
    package var remedy: String

    package var description: String { "\(file): \(found); \(remedy)" }
}

/// Everything wrong with the files of a TLS configuration.
package struct TLSError: Error, Equatable, Sendable, CustomStringConvertible {
    package var problems: [TLSProblem]

    init(_ problems: [TLSProblem]) { self.problems = problems }

    init(_ file: String, _ found: String, _ remedy: String) {
        problems = [TLSProblem(file: file, found: found, remedy: remedy)]
    }

    package var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

/// Empties OpenSSL's queue of this thread, by which it would judge the next call.
///
/// Mostly nothing is in it, and to look costs an eighth of what emptying does, twice for each request.
func forgetTLSErrors() {
    if ERR_peek_error() != 0 { ERR_clear_error() }
}

/// What went wrong in TLS itself, by OpenSSL's queue of this thread, which is emptied; nil where the queue
/// says nothing.
///
/// What was behind it stands before it, such as a signature that does not fit.
func takeTLSReason() -> (number: Int32, text: String)? {
    defer { ERR_clear_error() }
    var code = ERR_get_error()
    guard code != 0 else { return nil }
    while openssl_is_tls(code) == 0 {
        let next = ERR_get_error()
        guard next != 0 else { break }
        code = next
    }
    let text = unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) }
    return (openssl_is_tls(code) == 0 ? 0 : openssl_reason(code), text ?? "error \(code)")
}

/// The oldest error in OpenSSL's queue of this thread, in its own words; the queue is emptied.
func takeOpenSSLError() -> String {
    defer { ERR_clear_error() }
    let code = ERR_get_error()
    guard code != 0, let text = unsafe ERR_reason_error_string(code) else {
        return "OpenSSL gives no reason"
    }
    return unsafe String(cString: text)
}
