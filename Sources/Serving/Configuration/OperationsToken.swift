// SPDX-License-Identifier: Apache-2.0
import Artifacts
package import Platform

/// The token that a daemon without configured ones makes for the commands of its own machine.
///
/// It lies in the state directory, readable by the daemon's user only, and stays the same over restarts.
package enum OperationsToken {
    package static let fileName = "operations.token"

    /// The token's name in the journal.
    package static let name = "local"

    /// Reads the token of `stateDirectory`, or makes one; one that others can read is made anew.
    ///
    /// - Parameter stateDirectory: a folder that exists.
    /// - Returns: the token's name and digest; its text stays in the file.
    /// - Throws: where the file cannot be written.
    package static func readOrMake(
        in stateDirectory: String
    ) throws(SystemError) -> Settings.Token {
        let path = "\(stateDirectory)/\(fileName)"
        if let text = read(path), isPrivate(path) { return token(text) }
        // The digest of random bytes is 256 bits as random, already in digits.
        let text = sha256(of: randomBytes(32).span).description
        let line = Array((text + "\n").utf8)
        try writeFileAtomically(line.span, to: path, mode: 0o600)
        return token(text)
    }

    /// The token's text; nil where there is none, or this user may not read it.
    package static func read(_ path: String) -> String? {
        guard let bytes = try? readFile(path: path, limit: 4096) else { return nil }
        var line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        // What could not stand in a request's head is no token, whatever became of the file.
        guard line.count >= 32, line.allSatisfy({ 0x21...0x7E ~= $0 }) else { return nil }
        return String(decoding: line, as: UTF8.self)
    }

    private static func isPrivate(_ path: String) -> Bool {
        guard let status = try? fileStatus(of: path) else { return false }
        return status.permissions & 0o077 == 0
    }

    private static func token(_ text: String) -> Settings.Token {
        Settings.Token(name: name, sha256: sha256(of: text.utf8.span).description)
    }
}

extension [Settings.Token] {
    /// The name of whose token `text` is; nil for nobody's.
    ///
    /// Digests are compared whole, so that the time tells nothing of how much of one fits.
    package func holder(of text: String) -> String? {
        let digest = Array<UInt8>(sha256(of: text.utf8.span).description.utf8)
        var holder: String?
        for token in self {
            let expected = Array<UInt8>(token.sha256.utf8)
            guard expected.count == digest.count else { continue }
            let difference = zip(expected, digest).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) }
            if difference == 0, holder == nil { holder = token.name }
        }
        return holder
    }
}
