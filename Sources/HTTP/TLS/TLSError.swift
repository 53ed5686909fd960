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

/// The oldest error in OpenSSL's queue of this thread, in its own words; the queue is emptied.
func takeOpenSSLError() -> String {
    defer { ERR_clear_error() }
    let code = ERR_get_error()
    guard code != 0, let text = unsafe ERR_reason_error_string(code) else {
        return "OpenSSL gives no reason"
    }
    return unsafe String(cString: text)
}
