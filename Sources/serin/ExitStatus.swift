// SPDX-License-Identifier: Apache-2.0
/// What a command tells whoever started it.
enum ExitStatus: Int32, Sendable {
    case done = 0
    /// The command worked, and its answer is no: a check failed.
    case no = 1
    /// Used wrongly: flags, arguments, a configuration with problems.
    case misuse = 2
    /// The system failed: a file, a port, a peer.
    case failed = 3
}

/// Ends a command with a status and a sentence on standard error.
struct CommandFailure: Error, CustomStringConvertible {
    var status: ExitStatus
    var description: String

    static func no(_ sentence: String) -> CommandFailure {
        CommandFailure(status: .no, description: sentence)
    }

    static func misuse(_ sentence: String) -> CommandFailure {
        CommandFailure(status: .misuse, description: sentence)
    }

    static func failed(_ sentence: String) -> CommandFailure {
        CommandFailure(status: .failed, description: sentence)
    }
}
