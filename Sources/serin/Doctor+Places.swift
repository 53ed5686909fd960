// SPDX-License-Identifier: Apache-2.0
import HTTP
import Platform
import Serving

/// Whether the Unix-domain sockets that are configured can be listened on.
func socketFindings(_ settings: Settings) -> [Finding] {
    [("socket", settings.socket), ("operations.socket", settings.operations.socket)]
        .compactMap { subject, path in path.map { socketFinding(subject, $0) } }
}

private func socketFinding(_ subject: String, _ path: String) -> Finding {
    do throws(SystemError) {
        try SocketFile.check(path)
        return .ok(subject, "\(path) is free")
    } catch {
        switch error.symbol {
        case "EADDRINUSE":
            return .warn(
                subject,
                "a process that runs listens on \(path)",
                "stop it before another starts here, or choose another path"
            )
        case "ENOTSOCK":
            return .fail(
                subject,
                "\(path) is a file that is no socket",
                "move it away or choose another path"
            )
        default:
            return .fail(
                subject,
                error.description,
                "make the folder and let the daemon's user write to it"
            )
        }
    }
}

/// Whether both ports can be listened on.
func portFindings(_ settings: Settings) -> [Finding] {
    [
        portFinding("port", address: settings.address, port: settings.port, settings.tls),
        portFinding(
            "operations.port",
            address: settings.operations.address,
            port: settings.operations.port,
            settings.operations.tls
        ),
    ]
}

private func portFinding(
    _ subject: String,
    address: String,
    port: Int,
    _ tls: Settings.TLS
) -> Finding {
    guard port != 0, let number = UInt16(exactly: port) else {
        return .ok(subject, "a free one is taken")
    }
    do throws(SystemError) {
        let addresses = try SocketAddress.resolve(host: address, port: number, forListening: true)
        guard let first = addresses.first else {
            return .fail(subject, "'\(address)' is no address", "write it in digits")
        }
        _ = try listen(on: first, backlog: 1, isShared: false)
        return .ok(subject, "\(first.description) is free")
    } catch {
        if error.symbol == "EADDRINUSE", answersAsSerin(address: address, port: port, tls) {
            return .warn(
                subject,
                "\(port) is taken by a serin that runs",
                "stop it before another starts here, or choose another port"
            )
        }
        let remedy =
            switch error.symbol {
            case "EADDRINUSE": "find who listens (ss -ltnp), or choose another port"
            case "EACCES": "ports under 1024 need CAP_NET_BIND_SERVICE; choose a higher one"
            default: "set the address to one of this machine's, in digits"
            }
        return .fail(subject, error.description, remedy)
    }
}

/// Every port of ours answers the liveness probe, and names itself.
private func answersAsSerin(address: String, port: Int, _ tls: Settings.TLS) -> Bool {
    let answer = try? exchange(
        .get,
        "/livez",
        address: reachable(address),
        port: port,
        tls: tls.certificates.isEmpty ? nil : TLSClientOptions(trust: .anybody),
        timeout: .seconds(1)
    )
    return answer?.status == 200
}

/// Whether the state directory can be written, or made.
func stateFindings(_ settings: Settings) -> [Finding] {
    let subject = "state directory"
    let path = settings.stateDirectory()
    var existing = path
    while !fileExists(existing), existing != "/", existing != "." {
        existing = parentDirectory(of: existing)
    }
    let probe = "\(existing)/.serin-doctor-\(processIdentifier)"
    do throws(SystemError) {
        let bytes: [UInt8] = [10]
        try writeFileAtomically(bytes.span, to: probe)
        try removeFile(probe)
        var findings = [Finding.ok(subject, existing == path ? path : "\(path) can be made")]
        findings += tokenFindings(path)
        return findings
    } catch {
        return [
            .fail(
                subject,
                error.description,
                "let this user write there, or set state_directory to a folder of its own"
            )
        ]
    }
}

/// A token that others may read is no token.
private func tokenFindings(_ directory: String) -> [Finding] {
    let path = "\(directory)/\(OperationsToken.fileName)"
    guard let status = try? fileStatus(of: path), status.permissions & 0o077 != 0 else { return [] }
    return [
        .fail(
            "operator's token",
            "others may read \(path)",
            "remove it and start the daemon again: it makes a new one"
        )
    ]
}
