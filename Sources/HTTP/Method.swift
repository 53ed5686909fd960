// SPDX-License-Identifier: Apache-2.0

/// The request methods that this server knows (RFC 9110 section 9, RFC 5789).
package enum Method: UInt8, Sendable, CaseIterable {
    case get, head, post, put, delete, options, patch
    /// Known, and allowed nowhere: it would show a client's secrets to scripts (RFC 9110 section 9.3.8).
    case trace

    /// The method as it stands in a request.
    package var name: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .patch: "PATCH"
        case .trace: "TRACE"
        }
    }

    /// The names of those that a path can have, as `Allow` lists them.
    package static let all = allCases.filter { $0 != .trace }.map(\.name).joined(separator: ", ")

    /// The method whose name the bytes are; names are case-sensitive.
    init?(_ bytes: Span<UInt8>) {
        let candidates: (Method, Method)
        switch bytes.count {
        case 3: candidates = (.get, .put)
        case 4: candidates = (.post, .head)
        case 5: candidates = (.patch, .trace)
        case 6: candidates = (.delete, .delete)
        case 7: candidates = (.options, .options)
        default: return nil
        }
        if bytes.equals(candidates.0.name) {
            self = candidates.0
        } else if bytes.equals(candidates.1.name) {
            self = candidates.1
        } else {
            return nil
        }
    }
}
