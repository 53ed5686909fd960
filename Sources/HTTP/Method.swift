// SPDX-License-Identifier: Apache-2.0

/// The request methods that this server knows (RFC 9110 section 9, RFC 5789).
package enum Method: UInt8, Sendable, CaseIterable {
    case get, head, post, put, delete, options, patch

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
        }
    }

    /// All names, as `Allow` lists them.
    package static let all = allCases.map(\.name).joined(separator: ", ")

    /// The method whose name the bytes are; names are case-sensitive.
    init?(_ bytes: Span<UInt8>) {
        let candidates: (Method, Method)
        switch bytes.count {
        case 3: candidates = (.get, .put)
        case 4: candidates = (.post, .head)
        case 5: candidates = (.patch, .patch)
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
