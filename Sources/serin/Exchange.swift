// SPDX-License-Identifier: Apache-2.0
import HTTP

/// One question to a daemon and its whole answer.
///
/// - Throws: `CommandFailure.failed` where nobody answers, or not in time.
func exchange(
    _ method: HTTP.Method,
    _ target: String,
    headers: [(String, String)] = [],
    body: [UInt8] = [],
    address: String,
    port: Int,
    socket: String? = nil,
    tls: TLSClientOptions? = nil,
    timeout: Duration = .seconds(10)
) throws(CommandFailure) -> ClientResponse {
    var client: HTTPClient
    if let socket {
        client = HTTPClient(socket: socket)
    } else {
        guard let number = UInt16(exactly: port), number > 0 else {
            throw .misuse("port \(port) cannot be asked; give the one that the daemon logged")
        }
        client = HTTPClient(host: address, port: number)
        client.tls = tls
    }
    client.timeout = timeout
    do throws(HTTPClientError) {
        return try client.send(method, target, headers: headers, body: body)
    } catch .nothingListens(let place) {
        throw .failed("nothing listens on \(place); is the daemon running, and on another port?")
    } catch .insecure(let place, let reason) {
        let hint = reason.contains("not trusted") ? "; see --tls-ca and --tls-name" : ""
        throw .failed("no TLS with \(place): \(reason)\(hint)")
    } catch .tls(let error) {
        throw .misuse(error.description)
    } catch {
        throw .failed(error.description)
    }
}
