// SPDX-License-Identifier: Apache-2.0
extension Settings {
    /// The folder that keeps what must survive a restart: journal, overrides, the operator's token.
    ///
    /// Where the setting is null: systemd's `STATE_DIRECTORY`, else a folder for these models under `XDG_STATE_HOME/serin`
    /// or `~/.local/state/serin`, so that two daemons with models of their own share nothing.
    /// - Parameters:
    ///   - environment: the process's variables.
    ///   - workingDirectory: what a relative models directory is relative to.
    /// - Returns: a path, which need not exist.
    package func stateDirectory(
        in environment: [String: String],
        workingDirectory: String
    ) -> String {
        if let stateDirectory { return stateDirectory }
        if let given = environment["STATE_DIRECTORY"]?.split(separator: ":").first {
            return String(given)
        }
        var base = "/var/lib"
        if let home = environment["HOME"], home.hasPrefix("/") { base = home + "/.local/state" }
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { base = state }
        return base + "/serin/" + modelsKey(workingDirectory: workingDirectory)
    }

    /// The models directory's own name, and a hash of where it is.
    private func modelsKey(workingDirectory: String) -> String {
        var parts: [Substring] = []
        let path = models.hasPrefix("/") ? models : workingDirectory + "/" + models
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in parts.joined(separator: "/").utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        let digits = String(hash, radix: 16)
        let padded = String(repeating: "0", count: 16 - digits.count) + digits
        return "\(parts.last ?? "root")-\(padded)"
    }
}
