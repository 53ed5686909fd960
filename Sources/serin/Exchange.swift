// SPDX-License-Identifier: Apache-2.0
import HTTP

/// What a daemon answered.
struct Answer {
    var status: Int
    var body: [UInt8]
}

/// One question to a daemon and its whole answer.
///
/// - Throws: `CommandFailure.failed` where nobody answers, or not in time.
func exchange(
    _ method: String,
    _ target: String,
    headers: [(String, String)] = [],
    body: [UInt8] = [],
    address: String,
    port: Int,
    timeout: Duration = .seconds(10)
) throws(CommandFailure) -> Answer {
    throw .failed("no client")
}
