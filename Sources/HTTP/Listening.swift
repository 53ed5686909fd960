// SPDX-License-Identifier: Apache-2.0
package import Platform

/// Why a server cannot listen.
package enum ListenError: Error, Equatable, Sendable, CustomStringConvertible {
    case addressInUse(String)
    case addressNotHere(String)
    case notPermitted(String)
    case socketInUse(String)
    case notASocket(String)
    case tls(TLSError)
    case system(SystemError)

    package var description: String {
        switch self {
        case .addressInUse(let address):
            "cannot listen on \(address): another process listens there; "
                + "stop it or choose another port"
        case .addressNotHere(let address):
            "cannot listen on \(address): this machine has no such address; "
                + "use one of its own, or 0.0.0.0 for all of them"
        case .notPermitted(let address):
            "cannot listen on \(address): ports below 1024 need a permission that this process "
                + "does not have; choose a higher port"
        case .socketInUse(let path):
            "cannot listen on \(path): a process that runs listens there; "
                + "stop it or choose another path"
        case .notASocket(let path):
            "cannot listen on \(path): there is a file that is no socket; "
                + "move it away or choose another path"
        case .tls(let error): error.description
        case .system(let error): "cannot listen: \(error)"
        }
    }

    init(_ error: SystemError, socket path: String) {
        switch error.symbol {
        case "EADDRINUSE": self = .socketInUse(path)
        case "ENOTSOCK": self = .notASocket(path)
        default: self = .system(error)
        }
    }

    init(_ error: SystemError, _ address: String) {
        switch error.symbol {
        case "EADDRINUSE": self = .addressInUse(address)
        case "EADDRNOTAVAIL": self = .addressNotHere(address)
        case "EACCES": self = .notPermitted(address)
        default: self = .system(error)
        }
    }
}

/// Where a server listens.
struct Listening {
    /// 0 where there is none.
    private(set) var port: UInt16 = 0
    private(set) var addresses: [String] = []
    /// The file that goes when the server ends.
    private(set) var file: SocketFile?
    /// One for each loop.
    private var own: [Listener] = []
    /// All loops accept from each of these.
    private var shared: [Listener] = []

    /// Takes the address, and the Unix-domain socket where one is configured.
    init(_ configuration: HTTPConfiguration) throws(ListenError) {
        try bindPort(configuration)
        guard let socket = configuration.socket else { return }
        do throws(SystemError) {
            let listener = try SocketFile.listen(
                on: socket.path,
                permissions: socket.permissions,
                backlog: configuration.backlog
            )
            file = try SocketFile(path: socket.path)
            shared.append(Listener(listener, owner: .server, isLocal: true))
            addresses.append("unix:\(socket.path)")
        } catch {
            throw ListenError(error, socket: socket.path)
        }
    }

    /// Takes over sockets that listen already.
    init(_ inherited: [InheritedSocket]) throws(ListenError) {
        do throws(SystemError) {
            for socket in inherited {
                let descriptor = Descriptor(owning: socket.number)
                let address = try SocketAddress.local(of: socket.number)
                if port == 0 { port = address.port }
                addresses.append(address.description)
                shared.append(Listener(descriptor, owner: .other, isLocal: address.isLocal))
            }
        } catch {
            throw .system(error)
        }
    }

    /// What one loop accepts from.
    func listeners(ofLoop index: Int) throws(SystemError) -> [Listener] {
        var listeners: [Listener] = []
        if index < own.count { listeners.append(own[index]) }
        for listener in shared { listeners.append(try listener.copy()) }
        return listeners
    }

    private mutating func bindPort(_ configuration: HTTPConfiguration) throws(ListenError) {
        var wanted = "\(configuration.host):\(configuration.port)"
        do throws(SystemError) {
            let found = try SocketAddress.resolve(
                host: configuration.host,
                port: configuration.port,
                forListening: true
            )
            guard var address = found.first else {
                throw SystemError(call: "getaddrinfo", errno: 99, subject: configuration.host)
            }
            wanted = address.description
            if address.port != 0 {
                // Listeners that share an address would share it with another daemon too.
                _ = try listen(on: address, backlog: 0, isShared: false)
            }
            for _ in 0..<max(1, configuration.loopCount) {
                let listener = try listen(
                    on: address,
                    backlog: configuration.backlog,
                    isShared: true
                )
                address = try SocketAddress.local(of: listener.number)
                own.append(Listener(listener, owner: .loop, isLocal: false))
            }
            port = address.port
            addresses = [address.description]
        } catch {
            throw ListenError(error, wanted)
        }
    }
}
