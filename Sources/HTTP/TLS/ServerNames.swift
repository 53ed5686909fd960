// SPDX-License-Identifier: Apache-2.0

/// Which of several certificates is shown to a client that asks for a name (RFC 6066 section 3).
struct ServerNames: Sendable {
    private var exact: [String: Int] = [:]
    /// By what follows the first label: `example.org` for `*.example.org`.
    private var wildcards: [String: Int] = [:]

    /// - Parameter names: those of each certificate, in lower case; where several certificates have a
    ///   name, the first of them stands for it.
    init(_ names: [[String]]) {
        for (index, list) in names.enumerated() {
            for name in list {
                if name.hasPrefix("*.") {
                    let rest = String(name.dropFirst(2))
                    if wildcards[rest] == nil { wildcards[rest] = index }
                } else if exact[name] == nil {
                    exact[name] = index
                }
            }
        }
    }

    /// The certificate for a name; nil where none is for it.
    ///
    /// A name itself goes before a wildcard, which stands for exactly one label (RFC 6125 section 6.4.3).
    func index(of name: String) -> Int? {
        let name = name.lowercased()
        if let index = exact[name] { return index }
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
        return wildcards[String(name[name.index(after: dot)...])]
    }
}
