// SPDX-License-Identifier: Apache-2.0
private import CLinux
private import Glibc

/// A system call that the kernel refused: which one, on what, and why.
package struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The name of the call, such as `open`.
    package var call: String
    package var errno: Int32
    /// What the call was about: a path, an address; empty where nothing names it.
    package var subject: String

    package init(call: String, errno: Int32, subject: String = "") {
        self.call = call
        self.errno = errno
        self.subject = subject
    }

    /// The error that the calling thread's last system call left; to be read before any other call.
    package static func last(_ call: String, _ subject: String = "") -> SystemError {
        SystemError(call: call, errno: Glibc.errno, subject: subject)
    }

    /// The kernel's sentence, such as "No such file or directory".
    package var reason: String {
        guard let sentence = unsafe linux_error_sentence(errno) else { return "unknown error" }
        return unsafe String(cString: sentence)
    }

    /// The error's symbol, such as "ENOENT", or its number.
    package var symbol: String {
        guard let name = unsafe linux_error_name(errno) else { return "error \(errno)" }
        return unsafe String(cString: name)
    }

    package var description: String {
        let place = subject.isEmpty ? call : "\(call) \(subject)"
        return "\(place): \(reason) (\(symbol))"
    }
}

/// Repeats a call that a signal broke off.
///
/// - Returns: the call's answer, or -1 with `errno` set to anything but `EINTR`.
@discardableResult
package func repeatingInterrupted<Number: SignedInteger>(_ call: () -> Number) -> Number {
    while true {
        let answer = call()
        if answer != -1 || Glibc.errno != EINTR { return answer }
    }
}
