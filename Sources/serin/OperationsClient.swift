// SPDX-License-Identifier: Apache-2.0
import HTTP
import JSON
import Platform
import Serving

/// Asks a daemon's operations port, with the token that this machine or the operator has.
struct OperationsClient {
    let address: String
    let port: Int
    /// Asked instead of the port where given.
    private let socket: String?
    /// Nil where nobody gave one and the daemon's own file cannot be read.
    private let token: String?
    private let tokenFile: String
    private let tls: TLSClientOptions?

    /// Takes port, address and state directory from where the daemon takes them.
    init(_ arguments: Arguments) throws {
        let settings = try arguments.clientSettings()
        address = reachable(settings.operations.address)
        port = settings.operations.port
        socket = arguments["--operations-socket"]
        tls = try arguments.tlsOptions(for: settings.operations.tls, isSecret: true)
        tokenFile = settings.stateDirectory() + "/" + OperationsToken.fileName
        if let given = arguments["--token"] ?? environmentValue("SERIN_TOKEN"), !given.isEmpty {
            token = given
        } else {
            token = OperationsToken.read(tokenFile)
        }
    }

    /// Asks, and hands back the document of a 2xx answer.
    func ask(_ method: HTTP.Method, _ target: String, body: JSONValue? = nil) throws -> JSONValue {
        let bytes = try askForBytes(method, target, body: body)
        return bytes.isEmpty ? .null : try parseJSON(bytes)
    }

    /// Asks, and hands back the body of a 2xx answer as it came.
    func askForBytes(_ method: HTTP.Method, _ target: String, body: JSONValue? = nil) throws
        -> [UInt8]
    {
        var headers = [("accept", "application/json")]
        if let token { headers.append(("authorization", "Bearer \(token)")) }
        if body != nil { headers.append(("content-type", "application/json")) }
        let answer = try exchange(
            method,
            target,
            headers: headers,
            body: body?.encoded() ?? [],
            address: address,
            port: port,
            socket: socket,
            tls: tls
        )
        guard (200..<300).contains(answer.status) else {
            throw refusal(answer.status, answer.body)
        }
        return answer.body
    }

    private func refusal(_ status: Int, _ body: [UInt8]) -> CommandFailure {
        let document = try? parseJSON(body)
        let sentence = document?["error"]?.asString ?? "the daemon answers with status \(status)"
        if document?["code"]?.asString == "tls_required" {
            return .misuse(
                "the daemon's operations port speaks TLS: give --tls-ca FILE, or the daemon's "
                    + "--config"
            )
        }
        switch status {
        case 401, 403:
            let looked =
                fileExists(tokenFile)
                ? "the daemon does not know the token that was sent"
                : "looked in \(tokenFile), which is not there"
            return .misuse(
                "\(sentence); \(looked): give --token, SERIN_TOKEN, or the --state-directory or "
                    + "--models that the daemon was started with"
            )
        case 500...: return .failed(sentence)
        default:
            let details = document?["details"]?.asArray ?? []
            let lines = details.compactMap { detail in
                detail["problem"]?.asString.map { problem in
                    (detail["path"]?.asString.map { "\($0): " } ?? "") + problem
                }
            }
            let text = ([sentence] + lines).joined(separator: "\n")
            // The order was understood; what the daemon is in does not let it be.
            return status == 409 ? .no(text) : .misuse(text)
        }
    }
}

extension FlagSpec {
    /// What every command that asks a daemon takes.
    static let client: [FlagSpec] =
        [
            FlagSpec(name: "--operations-port", value: "N", summary: "the daemon's port [8081]"),
            FlagSpec(
                name: "--operations-address",
                value: "TEXT",
                summary: "the daemon's address [127.0.0.1]",
                isBrief: true
            ),
            FlagSpec(
                name: "--operations-socket",
                value: "PATH",
                summary: "the daemon's Unix-domain socket for operators, instead of its port",
                isBrief: true
            ),
            FlagSpec(
                name: "--token",
                value: "TEXT",
                summary: "operator's token; else SERIN_TOKEN, else the daemon's own file",
                isBrief: true
            ),
            FlagSpec(
                name: "--state-directory",
                value: "DIR",
                summary: "where the daemon's own token is",
                isBrief: true
            ),
            FlagSpec(
                name: "--models",
                value: "DIR",
                summary: "the daemon's models, which its state goes by",
                isBrief: true
            ),
            FlagSpec(
                name: "--config",
                value: "FILE",
                summary: "the daemon's settings, for all of these",
                isBrief: true
            ),
        ] + tls
}

/// An address that a daemon listens on, as one that can be connected to.
func reachable(_ address: String) -> String {
    switch address {
    case "0.0.0.0", "localhost": "127.0.0.1"
    case "::", "[::]": "::1"
    default: address
    }
}

/// A text as one segment of a path, percent-encoded where it must be.
func pathSegment(_ text: String) -> String {
    let plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8
    var encoded = ""
    for byte in text.utf8 {
        if plain.contains(byte) {
            encoded.unicodeScalars.append(Unicode.Scalar(byte))
        } else {
            let digits = String(byte, radix: 16, uppercase: true)
            encoded += "%" + (digits.count == 1 ? "0" + digits : digits)
        }
    }
    return encoded
}
